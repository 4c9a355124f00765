package dataset

// objectField is what is told of an object beside its box. Any value of it may be null.
type objectField struct {
	name     string
	typeName Type
	of       func(*Object) Value
}

// The column of objects is a group of lists, each with a value for every object, as trainers of detectors take it.
const (
	objectsName = "objects"
	boxesName   = "bbox"
)

// objectFields are the fields behind the boxes, in the order in which they are written. It is never changed.
var objectFields = []objectField{
	{"category", String, func(o *Object) Value { return text(o.Category) }},
	{"label", String, func(o *Object) Value { return text(o.Label) }},
	{"caption", String, func(o *Object) Value { return textOf(o.Caption) }},
	{"confidence", Float64, func(o *Object) Value {
		if o.Confidence == nil {
			return Value{}
		}
		return Value{Valid: true, Float: *o.Confidence}
	}},
	{"upstream_name", String, func(o *Object) Value { return text(o.UpstreamName) }},
}
