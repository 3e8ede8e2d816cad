package agent

import (
	"bufio"
	"errors"
	"io"
)

// eachLine calls take with every line of r until its end. A line that is longer than
// limit bytes is passed over: whoever writes it must neither fill the memory nor wait
// for ever for a reader.
func eachLine(r io.Reader, limit int, take func(line []byte)) {
	in := bufio.NewReader(r)
	var line []byte
	for long := false; ; {
		part, err := in.ReadSlice('\n')
		if long = long || len(line)+len(part) > limit; !long {
			line = append(line, part...)
		}
		if errors.Is(err, bufio.ErrBufferFull) {
			continue
		}
		if !long && len(line) > 0 {
			take(line)
		}
		if err != nil {
			return
		}
		line, long = line[:0], false
	}
}
