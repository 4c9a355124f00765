package emulator

import (
	"encoding/json"
	"iter"
	"strconv"
	"strings"
	"time"
)

// syntheticJobs computes parse jobs, which cost no memory: each is made when it is asked for.
type syntheticJobs struct {
	*generator
	count                 int
	imagesEach, pagesEach int
	// textSize is how many bytes the text of a page has at least.
	textSize  int
	projectID string
	// before is the seq before that of the first job, and first the number of the blob of its first image.
	before, first uint64
}

const jobPrefix, jobPurpose = "pjb-", 'j'

func (s *syntheticJobs) id(number int) string {
	return jobPrefix + numberedUUID(s.seed, jobPurpose, uint64(number))
}

// after yields the jobs behind seq. s may be nil.
func (s *syntheticJobs) after(seq uint64) iter.Seq2[uint64, *parseJob] {
	return func(yield func(uint64, *parseJob) bool) {
		if s == nil {
			return
		}
		for number := int(max(seq, s.before) - s.before); number < s.count; number++ {
			if !yield(s.before+uint64(number)+1, s.job(number)) {
				return
			}
		}
	}
}

// find returns nil where there is no job of that id. s may be nil.
func (s *syntheticJobs) find(id string) *parseJob {
	uuid, ok := strings.CutPrefix(id, jobPrefix)
	if s == nil || !ok {
		return nil
	}
	number, ok := numberOf(s.seed, jobPurpose, uuid)
	if !ok || number >= uint64(s.count) {
		return nil
	}
	return s.job(int(number))
}

func (s *syntheticJobs) job(number int) *parseJob {
	at := syntheticEpoch().Add(time.Duration(number) * time.Second)
	return &parseJob{
		ParseJobSpec: ParseJobSpec{
			ID: s.id(number), ProjectID: s.projectID, Name: "Document " + strconv.Itoa(number) + ".pdf", Tier: "agentic",
			CreatedAt: at, UpdatedAt: at, Status: StatusCompleted,
		},
		progress: progress{last: StatusCompleted},
		result:   &syntheticResult{s, number},
	}
}

// syntheticResult computes the result of one job. Of three images, one is the screenshot of a page, one a crop of its layout, and
// one is embedded in it.
type syntheticResult struct {
	*syntheticJobs
	number int
}

func (r *syntheticResult) counts() (images, pages int) { return r.imagesEach, r.pagesEach }

func (r *syntheticResult) images(count int) iter.Seq[parseImage] {
	return func(yield func(parseImage) bool) {
		for i := range count {
			if !yield(parseImage{r.describe(i), r.blob(i)}) {
				return
			}
		}
	}
}

func (r *syntheticResult) describe(i int) ParseImage {
	image := ParseImage{Filename: syntheticImageName(i), Index: i, ContentType: "image/jpeg"}
	switch i % 3 {
	case 0:
		image.Category = "screenshot"
	case 1:
		image.Category, image.BBox = "layout", &BBox{X: 36, Y: 72 + i%100, W: 200, H: 150}
	default:
		image.Category = "embedded"
	}
	return image
}

func syntheticImageName(i int) string {
	page := i / 3
	switch i % 3 {
	case 0:
		return "page_" + strconv.Itoa(page+1) + ".jpg"
	case 1:
		return "page_" + strconv.Itoa(page+1) + "_image_1_v2.jpg"
	}
	return "img_p" + strconv.Itoa(page) + "_1.jpg"
}

func (r *syntheticResult) blob(i int) blob {
	return syntheticBlob{r.generator, r.first + uint64(r.number)*uint64(r.imagesEach) + uint64(i)}
}

func (r *syntheticResult) image(filename string) blob {
	text := strings.TrimLeft(filename, "abcdefghijklmnopqrstuvwxyz_")
	digits := text[:len(text)-len(strings.TrimLeft(text, "0123456789"))]
	page, err := strconv.Atoi(digits)
	if err != nil {
		return nil
	}
	for _, i := range []int{3*page - 3, 3*page - 2, 3*page + 2} {
		if i >= 0 && i < r.imagesEach && syntheticImageName(i) == filename {
			return r.blob(i)
		}
	}
	return nil
}

func (r *syntheticResult) pages(count int) iter.Seq[ParsePage] {
	return func(yield func(ParsePage) bool) {
		for i := range count {
			if !yield(r.page(i)) {
				return
			}
		}
	}
}

func (r *syntheticResult) page(i int) ParsePage {
	n := strconv.Itoa(i + 1)
	crop := syntheticImageName(3*i + 1)
	text := "Page " + n
	if r.textSize > len(text) {
		text += "\n\n" + randomText(r.seed, uint64(r.number)<<32|uint64(i), r.textSize-len(text))
	}
	items := []json.RawMessage{object{
		{"type", quote("heading")}, {"level", number(1)}, {"value", quote("Page " + n)}, {"md", quote("# Page " + n)},
	}.bytes()}
	markdown := "# " + text
	if 3*i+1 < r.imagesEach {
		link := "![Figure of page " + n + "](" + crop + ")"
		markdown += "\n\n" + link
		items = append(items, object{
			{"type", quote("image")}, {"caption", quote("Figure of page " + n)}, {"url", quote(crop)}, {"md", quote(link)},
			{"bbox", json.RawMessage(`[{"x":36.0,"y":72.0,"w":200.0,"h":150.0}]`)},
		}.bytes())
	}
	return ParsePage{
		Number: i + 1, Text: text, Markdown: markdown, Width: 612, Height: 792, Items: items,
		Metadata: json.RawMessage(`{"confidence":0.875,"printed_page_number":"` + n + `"}`),
	}
}
