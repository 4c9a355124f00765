package main

import (
	"math"
	"math/rand/v2"
)

// treeSurvey is a municipal report.
func treeSurvey() *document {
	return &document{
		key:    "trees-2024",
		header: "Survey of the town's trees, 2024",
		prose:  "trees",
		file: directoryFile{
			DisplayName: "Street trees, survey 2024 (100% counted).pdf",
			UniqueID:    "town/trees-2024",
			CreatedAt:   raw(`"2024-09-30T15:00:00.000000Z"`),
			UpdatedAt:   raw(`"2024-10-15T12:00:00.000000Z"`),
			DeletedAt:   raw("null"),
		},
		pages: []page{
			{blocks: []block{
				letterhead,
				title("Survey of the Town's Trees", "Report to the council, October 2024"),
				show(plain("The lime by the old school, no. 2417", 400, 336, paintTree(true))),
				write(4),
			}},
			{blocks: []block{
				heading("Where they stand"), write(2),
				show(wide("Map 1. Streets between the church and the quay", 376, paintStreets).
					named("Übersicht 街路樹.jpg")),
				write(3),
			}},
			{blocks: []block{
				heading("Which they are"), write(2),
				show(wide("Figure 1. Trees by species, 2019 and 2024", 264, paintSpecies)),
				table([]column{
					{"Species", 3, false}, {"Trees", 1, true}, {"Mean girth, cm", 2, true}, {"Healthy, %", 2, true},
				},
					"Lime | 604 | 141 | 91",
					"Plane | 388 | 187 | 94",
					"Cherry | 291 | 62 | 83",
					"Ash | 117 | 133 | 44",
					"Oak | 86 | 212 | 96",
				),
			}},
			{blocks: []block{
				letterhead,
				heading("How tall they are"), write(3),
				show(wide("Figure 2. Height and girth", 304, paintGirth)),
				write(3), tailpiece,
			}},
			{blocks: []block{
				heading("What to do"), list(
					"Replace the ash of the eastern streets over six years, and not with one species.",
					"Water what was planted in the last three summers.",
					"Widen the pits in Mill Street before the pavement is relaid.",
				), write(3),
				show(wide("Figure 3. Canopy above each block of the town", 256, paintCanopy)),
			}},
		},
	}
}

// oldTreeSurvey has been deleted, but only softly.
func oldTreeSurvey() *document {
	return &document{
		key:    "trees-2019",
		header: "Survey of the town's trees, 2019",
		prose:  "trees",
		file: directoryFile{
			DisplayName: "Street trees, survey 2019 (superseded).pdf",
			UniqueID:    "town/trees-2019",
			CreatedAt:   raw(`"2023-11-20T16:45:00.250000Z"`),
			UpdatedAt:   raw(`"2024-10-15T12:00:00.000001Z"`),
			DeletedAt:   raw(`"2024-10-15T12:00:00.000001Z"`),
			Metadata:    raw(`{"superseded_by": "town/trees-2024", "reviewed": false}`),
		},
		pages: []page{
			{blocks: []block{
				title("Survey of the Town's Trees", "Report to the council, November 2019"),
				show(plain("The old elm, felled that winter", 400, 312, paintTree(false))),
				write(3),
			}},
			{blocks: []block{
				heading("Where they stood"), write(2),
				show(plain("Map 1. Streets between the church and the quay", 480, 320, paintStreets)),
				tailpiece,
			}},
			{blocks: []block{
				letterhead,
				heading("Which they were"),
				table([]column{{"Species", 3, false}, {"Trees", 1, true}, {"Healthy, %", 2, true}},
					"Lime | 618 | 93",
					"Plane | 352 | 95",
					"Ash | 204 | 71",
				),
				write(3),
			}},
		},
	}
}

func paintSpecies(c *canvas, _ *rand.Rand) {
	ch := chart{
		title: "Species", xLabel: "Those with more than 80 trees", yLabel: "Trees", fromZero: true,
		categories: []string{"lime", "plane", "cherry", "ash", "rowan", "oak", "birch"},
		series: []series{
			{name: "2019", mark: bars, ink: moss, points: columns(618, 352, 240, 204, 98, 88, 81)},
			{name: "2024", mark: bars, ink: green, points: columns(604, 388, 291, 117, 163, 86, 92)},
		},
	}
	ch.paint(c)
}

func paintGirth(c *canvas, random *rand.Rand) {
	grove := func(n int, tallest, rate float64) []point {
		points := make([]point, n)
		for i := range points {
			girth := 25 + 220*math.Pow(random.Float64(), 1.4)
			points[i] = point{girth, tallest*(1-math.Exp(-girth/rate)) + 1.1*random.NormFloat64()}
		}
		return points
	}
	ch := chart{
		title: "Every fifth tree", xLabel: "Girth, cm", yLabel: "Height, m", fromZero: true,
		series: []series{
			{name: "plane", mark: dots, ink: ochre, points: grove(70, 27, 95)},
			{name: "lime", mark: dots, ink: green, points: grove(90, 22, 80)},
			{name: "cherry", mark: dots, ink: plum, points: grove(50, 11, 60)},
		},
	}
	ch.paint(c)
}

func paintCanopy(c *canvas, random *rand.Rand) {
	n := noise(random.Uint32())
	h := heatMap{
		title: "Canopy, percent of the ground", unit: "%", low: white, high: green,
		rows:    []string{"North", "Church", "Market", "Mills", "Quay"},
		columns: []string{"1", "2", "3", "4", "5", "6", "7", "8", "9", "10"},
		value:   func(row, column int) float64 { return 4 + 46*n.cloud(float64(column)*0.7, float64(row)*0.7, 2) },
	}
	h.paint(c)
}
