package hostile_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"net/http"
	"strconv"
	"time"
)

func binaryAnswer(w http.ResponseWriter) { w.Header().Set("Content-Type", "application/octet-stream") }

// says answers with data.
func says(data []byte) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		binaryAnswer(w)
		w.Write(data)
	}
}

func status(code int) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(code) }
}

// cuts announces the whole and breaks off after a third.
func cuts(data []byte) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		binaryAnswer(w)
		w.Header().Set("ETag", `"cut"`)
		w.Header().Set("Content-Length", strconv.Itoa(len(data)))
		w.Write(data[:len(data)/3])
		w.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	}
}

// stalls sends a third of data and then nothing, without end.
func stalls(data []byte) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		binaryAnswer(w)
		w.Header().Set("Content-Length", strconv.Itoa(len(data)))
		w.Write(data[:len(data)/3])
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	}
}

// silent never answers.
func silent(w http.ResponseWriter, r *http.Request) { <-r.Context().Done() }

// drips sends ten bytes a second.
func drips(data []byte) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		binaryAnswer(w)
		tick := time.NewTicker(100 * time.Millisecond)
		defer tick.Stop()
		for i := range data {
			select {
			case <-r.Context().Done():
				return
			case <-tick.C:
				w.Write(data[i : i+1])
				w.(http.Flusher).Flush()
			}
		}
	}
}

// endless never stops, whatever length it says; "" is none.
func endless(length string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		binaryAnswer(w)
		if length != "" {
			w.Header().Set("Content-Length", length)
		}
		for block := make([]byte, 64<<10); r.Context().Err() == nil; {
			if _, err := w.Write(block); err != nil {
				return
			}
		}
	}
}

// says it has length bytes, and sends data.
func claims(length int, data []byte) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		conn, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			return
		}
		defer conn.Close()
		fmt.Fprintf(conn, "HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\nContent-Length: %d\r\n\r\n", length)
		conn.Write(data)
	}
}

// portal is what a hotel answers.
func portal(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	fmt.Fprint(w, "<!DOCTYPE html><title>Welcome</title><form>Please sign in</form>")
}

func gzipped(w http.ResponseWriter, r *http.Request) {
	binaryAnswer(w)
	w.Header().Set("Content-Encoding", "gzip")
	w.Write(bytes.Repeat([]byte{0x1f, 0x8b}, 100))
}

func redirects(to string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if to == "" {
			to = r.URL.Path
		}
		http.Redirect(w, r, to, http.StatusFound)
	}
}

func flipped(data []byte) []byte { return flippedAt(data, len(data)/2) }

func flippedAt(data []byte, i int) []byte {
	data = bytes.Clone(data)
	data[i] ^= 1
	return data
}

// bomb is a zstd frame of 131 kB that decompresses to 4 GiB: 32,768 blocks of
// one repeated byte (RFC 8878, 3.1.1.2).
func bomb() []byte {
	b := []byte{0x28, 0xb5, 0x2f, 0xfd, 0x00, 7 << 3}
	for i := range 32768 {
		header := uint32(128<<10)<<3 | 1<<1
		if i == 32767 {
			header |= 1
		}
		b = append(binary.LittleEndian.AppendUint32(b, header)[:len(b)+3], 'a')
	}
	return b
}
