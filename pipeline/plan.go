package pipeline

// Filters says which of the listed assets are wanted. The zero value wants no kind at all.
type Filters struct {
	// Screenshots and Figures say which kinds to list. Assets of a kind that is not listed have no row.
	Screenshots, Figures bool
	// SkipNoise leaves out figures whose is_likely_noise is true; those where it is absent or null stay.
	SkipNoise bool
	// MinConfidence leaves out figures whose confidence is known and lower.
	MinConfidence float64
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
	return kinds
}

// skipReason returns why an asset is not wanted, or "" when it is.
func (f *Filters) skipReason(a *Asset) string {
	switch {
	case !f.Pages.Contains(a.PageIndex):
		return ReasonPage
	case f.SkipNoise && a.IsLikelyNoise != nil && *a.IsLikelyNoise:
		return ReasonNoise
	case a.Confidence != nil && *a.Confidence < f.MinConfidence:
		return ReasonConfidence
	}
	return ""
}

// Action is what the plan does with a listed asset.
type Action string

const (
	// ActionFetch fetches the asset, ActionKeep leaves it as it is stored, ActionSkip records why it is not wanted.
	ActionFetch Action = "fetch"
	ActionKeep  Action = "keep"
	ActionSkip  Action = "skip"
)

// decide is the plan: what to do with a listed asset of a file, given its row of an earlier run, which may be nil. What is
// stored and unchanged stays, whatever the filters say now. The reason is that of a skip.
func (f *Filters) decide(a *Asset, file *File, prior *Row, refetch bool) (action Action, reason string) {
	reason = f.skipReason(a)
	switch {
	case prior.holds(a, file) && (!refetch || reason != ""):
		return ActionKeep, ""
	case reason != "":
		return ActionSkip, reason
	}
	return ActionFetch, ""
}

// holds tells whether the row says that the asset of the file is stored as it is listed now. Where no size is listed, a
// file that was updated since may have another picture.
func (r *Row) holds(a *Asset, file *File) bool {
	if r == nil || r.Status != Stored {
		return false
	}
	if size, known := a.ExpectedSize(); known {
		return size == r.Content.Size
	}
	return r.File.UpdatedAt.Equal(file.recorded().UpdatedAt)
}
