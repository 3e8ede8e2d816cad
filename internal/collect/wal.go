package collect

import "encoding/binary"

// openLog finds the pages that a write-ahead log has newer (4.2 of the format).
// A frame counts when its salts are those of the log, the sums up to it are
// right, and a commit follows; what comes after the last commit was not
// finished. The log of a database that was closed is empty or not there.
func (db *sqlite) openLog(log []byte) {
	const header, frame = 32, 24
	if len(log) < header {
		return
	}
	var order binary.ByteOrder
	switch binary.BigEndian.Uint32(log) {
	case 0x377f0682:
		order = binary.LittleEndian
	case 0x377f0683:
		order = binary.BigEndian
	default:
		return
	}
	sum := walSum{}.add(order, log[:24])
	if int(binary.BigEndian.Uint32(log[8:])) != db.size || !sum.is(log[24:]) {
		return
	}
	newer := map[uint32]int{}
	for at := header; at+frame+db.size <= len(log); at += frame + db.size {
		h, p := log[at:at+frame], log[at+frame:at+frame+db.size]
		sum = sum.add(order, h[:8]).add(order, p)
		if string(h[8:16]) != string(log[16:24]) || !sum.is(h[16:]) {
			break
		}
		newer[binary.BigEndian.Uint32(h)] = at + frame
		if pages := binary.BigEndian.Uint32(h[4:]); pages > 0 {
			db.commit(newer, pages)
			clear(newer)
		}
	}
	db.log = log
}

// commit takes the frames of a finished transaction.
func (db *sqlite) commit(newer map[uint32]int, pages uint32) {
	if db.wal == nil {
		db.wal = map[uint32]int{}
	}
	for n, at := range newer {
		db.wal[n] = at
	}
	db.pages = min(pages, maxPages)
}

// walSum is the running sum of a log.
type walSum struct{ a, b uint32 }

func (s walSum) add(order binary.ByteOrder, data []byte) walSum {
	for i := 0; i+8 <= len(data); i += 8 {
		s.a += order.Uint32(data[i:]) + s.b
		s.b += order.Uint32(data[i+4:]) + s.a
	}
	return s
}

func (s walSum) is(b []byte) bool {
	return s.a == binary.BigEndian.Uint32(b) && s.b == binary.BigEndian.Uint32(b[4:])
}
