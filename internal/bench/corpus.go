package main

import (
	"fmt"
	"strconv"
	"strings"
)

// corpus is a computed corpus of the emulator.
type corpus struct{ files, assetsPerFile, size int }

// newCorpus returns a corpus of that many blobs of size bytes, with 100 assets in each file where that can be.
func newCorpus(blobs, size int) corpus {
	each := min(100, blobs)
	for blobs%each != 0 {
		each--
	}
	return corpus{blobs / each, each, size}
}

func (c corpus) blobs() int   { return c.files * c.assetsPerFile }
func (c corpus) bytes() int64 { return int64(c.blobs()) * int64(c.size) }

func (c corpus) String() string { return fmt.Sprintf("%d blobs of %d bytes", c.blobs(), c.size) }

// flags are those that make the emulator serve the corpus.
func (c corpus) flags() []string {
	return []string{
		"--synthetic-files", strconv.Itoa(c.files), "--synthetic-assets", strconv.Itoa(c.assetsPerFile),
		"--synthetic-size", strconv.Itoa(c.size),
	}
}

// urls returns where the emulator serves the blobs: half of each file's assets are screenshots, rounded up, and the rest
// are figures. The peers are given them, while exporter has to list them.
func (c corpus) urls(base string) []string {
	urls := make([]string, 0, c.blobs())
	screenshots := (c.assetsPerFile + 1) / 2
	for file := range c.files {
		prefix := fmt.Sprintf("%s/api/v1/files/file-%08d/", base, file)
		for page := range screenshots {
			urls = append(urls, fmt.Sprintf("%spage_screenshots/%d", prefix, page))
		}
		for page := range c.assetsPerFile - screenshots {
			urls = append(urls, fmt.Sprintf("%spage-figures/%d/page_%d_figure_1.jpg", prefix, page, page+1))
		}
	}
	return urls
}

// blobName is the file that a peer stores blob number n in.
func blobName(n int) string { return fmt.Sprintf("%07d.jpg", n) }

// plainList has a URL a line.
func plainList(urls []string) string { return strings.Join(urls, "\n") }

// curlConfig is the list as a config file of curl that stores the blobs in out.
func curlConfig(urls []string, out string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "header = \"Authorization: Bearer %s\"\n", benchKey)
	for n, url := range urls {
		fmt.Fprintf(&b, "url = %q\noutput = %q\n", url, out+"/"+blobName(n))
	}
	return b.String()
}

// ariaList is the list as an input file of aria2c.
func ariaList(urls []string) string {
	var b strings.Builder
	for n, url := range urls {
		fmt.Fprintf(&b, "%s\n  out=%s\n", url, blobName(n))
	}
	return b.String()
}
