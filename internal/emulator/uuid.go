package emulator

import (
	"encoding/binary"
	"strconv"
)

// numberedUUID returns a UUID that number can be read from: its last twelve digits are the number, the others depend on seed, on
// what it is for and on the number.
func numberedUUID(seed uint64, purpose byte, number uint64) string {
	h := mix(number ^ mix(seed^uint64(purpose)<<56))
	text := binary.BigEndian.AppendUint64(nil, h)
	text[6] = text[6]&0x0f | 0x80 // version 8: custom
	const digits = "0123456789abcdef"
	uuid := make([]byte, 0, 36)
	for i, b := range binary.BigEndian.AppendUint64(text, 0x8000<<48|h<<48>>2&(0x3fff<<48)|number&(1<<48-1)) {
		if i == 4 || i == 6 || i == 8 || i == 10 {
			uuid = append(uuid, '-')
		}
		uuid = append(uuid, digits[b>>4], digits[b&15])
	}
	return string(uuid)
}

// numberOf returns the number that numberedUUID was given; ok is false for other texts.
func numberOf(seed uint64, purpose byte, uuid string) (number uint64, ok bool) {
	if len(uuid) != 36 {
		return 0, false
	}
	number, err := strconv.ParseUint(uuid[24:], 16, 48)
	return number, err == nil && numberedUUID(seed, purpose, number) == uuid
}
