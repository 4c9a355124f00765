package pipeline

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"time"
)

// Filters says which of the listed assets are wanted. The zero value wants no kind at all.
type Filters struct {
	// Screenshots, Figures and Documents say which kinds to list. Assets of a kind that is not listed have no row.
	Screenshots, Figures, Documents bool
	// SkipNoise leaves out figures whose is_likely_noise is true; those where it is absent or null stay.
	SkipNoise bool
	// MinConfidence leaves out figures whose confidence is known and lower.
	MinConfidence float64
	// Categories leaves figures of these categories, or labels; CategoryNone stands for those of which neither is known. Empty for all.
	Categories []string
	// Pages leaves out assets of other pages.
	Pages Pages
}

// Kinds returns the kinds to list, in the order in which they are asked for.
func (f *Filters) Kinds() []Kind {
	var kinds []Kind
	if f.Screenshots {
		kinds = append(kinds, Screenshot)
	}
	if f.Figures {
		kinds = append(kinds, Figure)
	}
	if f.Documents {
		kinds = append(kinds, Document)
	}
	return kinds
}

// kindsOf returns those of Kinds that a file may have: a job is of a document, and has none.
func (f *Filters) kindsOf(isJob bool) []Kind {
	if isJob {
		others := *f
		others.Documents = false
		return others.Kinds()
	}
	return f.Kinds()
}

// Digest returns what tells the filters from others. It has skipRules in it, as it is recorded.
func (f *Filters) Digest() string {
	text := fmt.Sprintf("%d %t %t %t %v %s", skipRules, f.Screenshots, f.Figures, f.SkipNoise, f.MinConfidence, f.Pages.String())
	if f.Documents {
		text += " documents"
	}
	if len(f.Categories) > 0 {
		categories := slices.Clone(f.Categories)
		slices.Sort(categories)
		text += fmt.Sprintf(" %q", slices.Compact(categories))
	}
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:8])
}

// skipRules is to be raised with every change of skipReason: what was decided by other rules is decided anew.
const skipRules = 1

// skipReason returns why an asset is not wanted, or "" when it is.
func (f *Filters) skipReason(a *Asset) string {
	switch {
	case a.Detail().NoPicture:
		return ReasonNoPicture
	case a.Kind == Document:
		return ""
	case !f.Pages.Contains(a.PageIndex):
		return ReasonPage
	case f.SkipNoise && a.IsLikelyNoise != nil && *a.IsLikelyNoise:
		return ReasonNoise
	case a.Confidence != nil && *a.Confidence < f.MinConfidence:
		return ReasonConfidence
	case a.Kind == Figure && !f.takesCategory(a.Detail()):
		return ReasonCategory
	}
	return ""
}

// CategoryNone stands for the category of what has none.
const CategoryNone = "none"

// takesCategory tells whether figures of such details are wanted for their category.
func (f *Filters) takesCategory(d Details) bool {
	if len(f.Categories) == 0 {
		return true
	}
	if d.Category == "" && d.Label == "" {
		return slices.Contains(f.Categories, CategoryNone)
	}
	return slices.ContainsFunc(f.Categories, func(c string) bool { return c != "" && (c == d.Category || c == d.Label) })
}

// Action is what the plan does with a listed asset.
type Action string

const (
	// ActionFetch fetches the asset, ActionKeep leaves it as it is stored, ActionSkip records why it is not wanted.
	ActionFetch Action = "fetch"
	ActionKeep  Action = "keep"
	ActionSkip  Action = "skip"
)

// decide is the plan: what to do with a listed asset, given how what is stored of it stands to what is listed. What is stored and
// not known to be another picture now stays, whatever the filters say. The reason is that of a skip, or ReasonNewerDate.
func (f *Filters) decide(a *Asset, stored standing, refetch bool) (action Action, reason string) {
	reason = f.skipReason(a)
	switch {
	case stored == current && (!refetch || reason != ""), stored == dated && reason != "":
		return ActionKeep, ""
	case reason != "":
		return ActionSkip, reason
	case stored == dated:
		return ActionFetch, ReasonNewerDate
	}
	return ActionFetch, ""
}

// standing says how what an earlier run stored of an asset stands to what is listed now.
type standing int

const (
	// absent: nothing is stored, or something of another size.
	absent standing = iota
	// dated: it was fetched under an earlier date of its file.
	dated
	// current: it is what is listed.
	current
)

// standing compares the row of an asset, which may be nil, with what is listed: its size, and the date of its file with the one
// under which it was fetched. Where either date is not known, nothing says that it is another picture now. With bySize a listed
// size is all that counts.
func (r *Row) standing(a *Asset, listed, fetchedUnder time.Time, bySize bool) standing {
	if r == nil || r.Status != Stored {
		return absent
	}
	size, known := a.ExpectedSize()
	switch {
	case known && size != r.Content.Size:
		return absent
	case known && bySize, (fetchedUnder.IsZero() || !isNewer(listed, fetchedUnder, r.FetchedAt)) && !r.isOutdated(a):
		return current
	}
	return dated
}

// isOutdated tells whether the asset has a newer date of its own than the one that was stored.
func (r *Row) isOutdated(a *Asset) bool {
	listed, known := a.Detail().UpdatedAt, r.Detail().UpdatedAt
	return !listed.IsZero() && !known.IsZero() && isNewer(listed, known, r.FetchedAt)
}
