package main

import (
	"embed"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
)

// proseFiles hold one sentence a line. A sentence stands for many: {red|green} is one of the alternatives, and {2..9} a
// whole number from the range.
//
//go:embed prose/*.txt
var proseFiles embed.FS

// prose deals out sentences like cards from a deck.
type prose struct {
	deck   []string
	random *rand.Rand
}

func readProse(name string, random *rand.Rand) (*prose, error) {
	data, err := proseFiles.ReadFile("prose/" + name + ".txt")
	if err != nil {
		return nil, fmt.Errorf("read sentences: %w", err)
	}
	p := &prose{deck: strings.Split(strings.TrimSpace(string(data)), "\n"), random: random}
	random.Shuffle(len(p.deck), func(i, j int) { p.deck[i], p.deck[j] = p.deck[j], p.deck[i] })
	return p, nil
}

// paragraph returns the next n sentences. Each goes back into the lower half of the deck.
func (p *prose) paragraph(n int) (string, error) {
	var b strings.Builder
	for range n {
		card := p.deck[0]
		sentence, err := expand(card, p.random)
		if err != nil {
			return "", err
		}
		half := len(p.deck) / 2
		p.deck = slices.Insert(p.deck[1:], half+p.random.IntN(len(p.deck)-half), card)
		b.WriteString(sentence)
		b.WriteByte(' ')
	}
	return strings.TrimSpace(b.String()), nil
}

// expand replaces each choice in braces.
func expand(sentence string, random *rand.Rand) (string, error) {
	var b strings.Builder
	rest := sentence
	for {
		before, after, found := strings.Cut(rest, "{")
		b.WriteString(before)
		if !found {
			return b.String(), nil
		}
		choice, behind, closed := strings.Cut(after, "}")
		if !closed {
			return "", fmt.Errorf("sentence %q: a brace is not closed", sentence)
		}
		chosen, err := choose(choice, random)
		if err != nil {
			return "", fmt.Errorf("sentence %q: %w", sentence, err)
		}
		b.WriteString(chosen)
		rest = behind
	}
}

func choose(choice string, random *rand.Rand) (string, error) {
	low, high, isRange := strings.Cut(choice, "..")
	if !isRange {
		options := strings.Split(choice, "|")
		return options[random.IntN(len(options))], nil
	}
	from, err := strconv.Atoi(low)
	if err != nil {
		return "", fmt.Errorf("range %q: %w", choice, err)
	}
	to, err := strconv.Atoi(high)
	if err != nil {
		return "", fmt.Errorf("range %q: %w", choice, err)
	}
	if to < from {
		return "", fmt.Errorf("range %q ends before it begins", choice)
	}
	return strconv.Itoa(from + random.IntN(to-from+1)), nil
}
