package main

import (
	"fmt"
	"math"
	"math/rand/v2"
)

// starCatalogue is an astronomers' report.
func starCatalogue() *document {
	return &document{
		key:    "star-catalogue",
		header: "Star catalogue, zone 12",
		prose:  "stars",
		file: directoryFile{
			DisplayName: "星表 Zone 12 — star catalogue (final?).pdf",
			UniqueID:    "reports/zone-12",
			CreatedAt:   raw(`"2024-03-04T08:15:31.004000Z"`),
			UpdatedAt:   raw(`"2024-06-12T23:59:59.999999Z"`),
			DeletedAt:   raw("null"),
			Metadata: raw(`{"zone": 12, "epoch": 2000.0, "entries": 4182, "draft": false,` +
				` "checksum": 12345678901234567890123, "observers": ["Ito", "Marsh"], "supersedes": null}`),
		},
		pages: []page{
			{blocks: []block{
				title("A Catalogue of Stars in Zone 12", "Observed at the hill station, 2019 to 2023"),
				show(plain("Plate 1. The middle of the zone, forty minutes", 480, 360, paintStarfield)),
				write(5),
			}},
			{blocks: []block{
				letterhead,
				heading("1  Observations"), write(5),
				show(plain("Figure 1. The Heron and its bright stars", 480, 304, paintConstellation).asPNG()),
			}},
			{blocks: []block{
				heading("2  Magnitudes and colours"), write(3),
				row(
					half("Figure 2. Colour and magnitude", 304, paintDiagram),
					half("Figure 3. Stars by magnitude", 304, paintMagnitudes).judged(noVerdict),
				),
				write(3),
			}},
			{blocks: []block{
				heading("3  Variable stars"), write(3),
				show(wide("Figure 4. Two periods of η Heronis", 280, paintLightCurve)),
				write(3), tailpiece,
			}},
			{blocks: []block{
				heading("4  Completeness"), write(2),
				show(wide("Figure 5. Share of artificial stars found, in percent", 256, paintCompleteness)),
				write(3), blank,
			}},
			{blocks: []block{heading("5  The catalogue, first page"), table([]column{
				{"No.", 1, true}, {"Right ascension", 2, true}, {"Declination", 2, true}, {"V", 1, true},
				{"B−V", 1, true},
			}, catalogueRows(14)...)}},
		},
	}
}

func catalogueRows(n int) []string {
	random := newRandom("catalogue")
	rows := make([]string, n)
	for i := range rows {
		rows[i] = fmt.Sprintf("%d | 18 %02d %04.1f | +27 %02d %02d | %.2f | %.2f", 12001+i,
			2+3*i/2, 60*random.Float64(), random.IntN(60), random.IntN(60),
			5+6*random.Float64(), 0.1+1.4*random.Float64())
	}
	return rows
}

func paintDiagram(c *canvas, random *rand.Rand) {
	var dwarfs, giants []point
	for range 190 {
		x := 0.05 + 1.35*math.Pow(random.Float64(), 0.7)
		dwarfs = append(dwarfs, point{x, 5.2 + 6.1*x - 1.2*x*x + 0.28*random.NormFloat64()})
	}
	for range 44 {
		x := 0.85 + 0.55*random.Float64()
		giants = append(giants, point{x, 8.4 - 2.6*x + 0.35*random.NormFloat64()})
	}
	ch := chart{
		title: "Cluster", xLabel: "Colour B−V", yLabel: "Magnitude V", downward: true,
		series: []series{
			{name: "dwarfs", mark: dots, ink: blue, points: dwarfs},
			{name: "giants", mark: dots, ink: rust, points: giants},
		},
	}
	ch.paint(c)
}

func paintMagnitudes(c *canvas, _ *rand.Rand) {
	ch := chart{
		title: "4 182 stars", xLabel: "Magnitude V", yLabel: "Stars", fromZero: true,
		categories: []string{"5", "6", "7", "8", "9", "10", "11"},
		series:     []series{{mark: bars, ink: plum, points: columns(21, 58, 163, 428, 1034, 1602, 876)}},
	}
	ch.paint(c)
}

func paintLightCurve(c *canvas, random *rand.Rand) {
	brightness := func(phase float64) float64 {
		_, p := math.Modf(phase)
		return 7.1 + 0.75*math.Exp(-math.Pow((p-0.5)/0.07, 2)) + 0.22*math.Exp(-math.Pow((p-0.98)/0.06, 2))
	}
	var measured []point
	for range 170 {
		phase := 2 * random.Float64()
		measured = append(measured, point{phase, brightness(phase) + 0.035*random.NormFloat64()})
	}
	ch := chart{
		title: "Period 2.867 days", xLabel: "Phase", yLabel: "Magnitude V", downward: true,
		series: []series{
			{name: "measured", mark: dots, ink: sky, points: measured},
			{name: "model", ink: plum, points: sample(0, 1.999, 240, brightness)},
		},
	}
	ch.paint(c)
}

func paintCompleteness(c *canvas, _ *rand.Rand) {
	h := heatMap{
		title: "Artificial stars found", unit: "%", low: night, high: cream, decimals: -1,
		rows:    []string{"V 8", "V 9", "V 10", "V 11", "V 12"},
		columns: []string{"a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l"},
		value: func(row, column int) float64 {
			crowding := math.Exp(-math.Pow((float64(column)-6.5)/3, 2))
			return 100 / (1 + math.Exp(1.6*(float64(row)-3+1.8*crowding)+0.5*math.Sin(float64(column*7))))
		},
	}
	h.paint(c)
}
