package main

import (
	"encoding/xml"
	"slices"
	"strings"
	"testing"
)

func TestSampled_Rates_AreOfWholeBins(t *testing.T) {
	of := sampled{{0, 10, 20, 30, 40, 50, 50, 50, 50, 50, 50, 99}, make([]float64, 12)}
	if got := of.rates(); !slices.Equal(got[0], []float64{10, 0}) || !slices.Equal(got[1], []float64{0, 0}) {
		t.Errorf("rates are %v", got)
	}
}

func TestWriteTasks_DrawsEachAndAllTogether(t *testing.T) {
	of := make(sampled, tasks)
	for i := range of {
		for second := range 21 {
			of[i] = append(of[i], float64(25*second))
		}
	}
	var to strings.Builder
	if err := writeTasks(&to, of); err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(to.String(), "<polyline"); n != tasks+1 || xml.Unmarshal([]byte(to.String()), new(struct{})) != nil {
		t.Errorf("%d lines, want %d, in\n%s", n, tasks+1, to.String())
	}
}
