package config

import (
	"errors"
	"fmt"
	"math"
	"strings"

	"exporter/internal/parts"
	"exporter/internal/store/place"
)

// Part says which part of an export a run makes. The zero value is for all of it.
type Part struct {
	parts.Part
	// Auto has the environment say which one; see EnterPart. Engine is who has said it.
	Auto   bool
	Engine string
	// Salt is that of the plan of the parts, which an export remembers; empty where it is not known.
	Salt string
}

const (
	partPath = "run.part"
	ratePath = "limits.rate"
	partAuto = "auto"
	// saltMark is between a part and the salt, as in 3/8@0123456789abcdef.
	saltMark = "@"
)

// String returns the text that the key takes.
func (p Part) String() string {
	switch {
	case p.Auto:
		return partAuto
	case p.Salt != "":
		return p.Part.String() + saltMark + p.Salt
	}
	return p.Part.String()
}

func parsePart(text string) (Part, error) {
	switch text {
	case "":
		return Part{}, nil
	case partAuto:
		return Part{Auto: true}, nil
	}
	before, salt, hasSalt := strings.Cut(text, saltMark)
	p, err := parts.ParsePart(before)
	if err == nil && hasSalt {
		err = parts.Plan{Count: p.Count, Salt: salt}.Validate()
	}
	if err != nil {
		return Part{}, &hinted{error: err}
	}
	return Part{Part: p, Salt: salt}, nil
}

func partField(p *Part) field {
	return scalar(field{typ: TypeString, placeholder: "I/N"}, p, parsePart, Part.String)
}

// filePlaceField takes the place of a single file that a function takes, or an empty text for none.
func filePlaceField(p *string, check func(text string) error) field {
	parse := func(text string) (string, error) {
		if text == "" {
			return "", nil
		}
		return text, check(text)
	}
	return scalar(field{typ: TypeString, placeholder: "FILE"}, p, parse, func(s string) string { return s })
}

// EnterPart puts the part that the environment tells in the place of auto, and moves the place of the export to that of the part, where one is
// given: Output.Whole is where the export is then. A second time it does nothing. The error is an *Error.
func (c *Config) EnterPart() error {
	if c.Output.Whole != "" {
		return nil
	}
	if err := c.settlePart(); err != nil {
		return err
	}
	part := c.Run.Part
	if part.IsZero() {
		return nil
	}
	at, err := place.Parse(c.Output.Dir)
	if err != nil {
		return c.fail(err.Error(), "", dirPath)
	}
	if whole, index, ok := WholeOf(at); ok {
		return c.fail(fmt.Sprintf("%v is a part of the export as a whole, and %s is the folder of part %d of one", part.Part, quote(c.Output.Dir), index),
			fmt.Sprintf("give --out %s, or leave out --part", quote(whole.String())), partPath)
	}
	c.Output.Whole, c.Output.Dir = c.Output.Dir, at.Join(parts.Path(part.Index)).String()
	return nil
}

// settlePart puts the part that the environment tells in the place of auto.
func (c *Config) settlePart() error {
	if !c.Run.Part.Auto {
		return nil
	}
	part, engine, err := parts.FromEnvironment(c.variable)
	if e, ok := errors.AsType[*parts.EnvironmentError](err); ok {
		failed := c.fail("auto: "+e.Problem, e.Remedy, partPath)
		failed.Err = err
		return failed
	}
	c.Run.Part = Part{Part: part, Engine: engine}
	return err
}

// WholeOf returns the export in which a place has the name of a numbered part, and the number.
func WholeOf(at place.Place) (whole place.Place, index int, ok bool) {
	whole, names, ok := at.Outer(parts.Levels)
	if !ok || names[0] != parts.Dir {
		return place.Place{}, 0, false
	}
	index, ok = parts.ParseName(names[1])
	return whole, index, ok
}

// ShareRate divides the rate that was given among so many tasks at once. The error is an *Error: a share would be less than the least rate there is, and
// the tasks together would not keep to the rate.
func (c *Config) ShareRate(tasks int) error {
	share, ok := c.Limits.Rate.SharedBy(tasks)
	if !ok {
		return c.fail(fmt.Sprintf("%v cannot be divided by %d parts: a task has one request an hour at least", c.Limits.Rate, tasks),
			fmt.Sprintf("give %d/h or more, or auto", tasks), ratePath)
	}
	c.Limits.Rate = share
	return nil
}

// SharedBy returns what of the given rate is for one of so many tasks at once; false where that is less than the least rate there is. A rate that
// nobody gave is shared by itself.
func (r Rate) SharedBy(tasks int) (share Rate, ok bool) {
	if r.PerSecond == 0 || tasks < 1 {
		return r, true
	}
	// A rate of so many an hour is not kept to the last bit of its fraction of a second.
	const exact = 1 - 1e-12
	if r.PerSecond < minRate*float64(tasks)*exact {
		return r, false
	}
	// It is rounded down, for people to read.
	const steps = 1e6
	r.PerSecond = max(math.Floor(r.PerSecond/float64(tasks)*steps)/steps, minRate)
	return r, true
}

// checkReportPlace returns what is wrong with the place of the report of a run.
func checkReportPlace(text string) error {
	if text == "-" {
		return &hinted{errors.New("standard output has what run says itself"), "name a file, or run exporter report afterwards"}
	}
	return checkPlace(text)
}

// checkPlace returns what is wrong with a place.
func checkPlace(text string) error {
	_, err := place.Parse(text)
	if wrong, ok := errors.AsType[*place.Error](err); ok {
		return &hinted{errors.New(wrong.Problem), wrong.Remedy}
	}
	return err
}
