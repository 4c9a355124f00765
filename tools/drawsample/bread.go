package main

import (
	"math"
	"math/rand/v2"
)

// bread is a bakery's laboratory notebook.
func bread() *document {
	return &document{
		key:    "bread",
		header: "Bread laboratory, notebook no. 4",
		prose:  "bread",
		file: directoryFile{
			DisplayName: "パン実験ノート 🍞 No. 4.pdf",
			UniqueID:    "notebooks/bread-4",
			CreatedAt:   raw(`"2024-04-01T06:00:00.000000Z"`),
			UpdatedAt:   raw(`"2024-05-02T09:14:03.120000Z"`),
			DeletedAt:   raw("null"),
			Metadata: raw(`{"language": "en", "batch": 18446744073709551615, "hydration": 0.72, "vegan": true,` +
				` "testers": ["Aiko", "Søren", "Zoë"], "notes": []}`),
		},
		pages: []page{
			{blocks: []block{
				letterhead,
				title("Notebook of the Bread Laboratory", "No. 4: water, time and temperature"),
				write(4),
				show(figure{caption: "Figure 1. The plan that every trial follows", width: 560, height: 232,
					paint: paintSteps(
						[2]string{"Mix", "flour, water, leaven"},
						[2]string{"Rest", "40 minutes"},
						[2]string{"Salt and fold", "four times"},
						[2]string{"Bulk", "until doubled"},
						[2]string{"Shape", "twice"},
						[2]string{"Bake", "45 minutes, 240 °C"},
					)}),
				write(3),
			}},
			{blocks: []block{
				letterhead,
				heading("Trial 18: how fast the dough rises"), write(3),
				show(wide("Figure 2. Volume of the dough at three temperatures", 288, paintRise)),
				write(4),
			}},
			{blocks: []block{
				letterhead,
				heading("Trial 19: more water"), write(3),
				row(
					half("Figure 3. 62 % water", 208, paintCrumb(0.35)),
					half("Figure 4. 78 % water", 208, paintCrumb(0.8)),
				),
				table([]column{{"Loaf", 2, false}, {"Water, %", 1, true}, {"Volume, ml", 1, true}, {"Loss, %", 1, true}},
					"19 a | 62 | 1 940 | 11.2",
					"19 b | 70 | 2 210 | 12.0",
					"19 c | 78 | 2 380 | 13.6",
				),
			}},
			{blocks: []block{
				letterhead,
				heading("Trial 22: the oven door"), write(3),
				show(wide("Figure 5. Temperature above the stone and in the loaf", 288, paintOven).judged(noVerdict)),
				write(4), tailpiece,
			}},
			{blocks: []block{
				letterhead,
				heading("Trial 25: tasting"), write(3),
				show(wide("Figure 6. Marks of nine testers, out of ten", 264, paintMarks)),
				write(4),
			}},
			{blocks: []block{
				letterhead,
				heading("Trial 27: crust and time"), write(3),
				show(plain("Figure 7. Thickness of the crust", 480, 272, paintCrust).named("crust vs time.jpg")),
				list("Bake six loaves with steam and six without.", "Cut each at the same height, a day later.",
					"Measure the crust at four places and write down the mean."), write(3),
			}},
		},
	}
}

func paintRise(c *canvas, _ *rand.Rand) {
	rise := func(delay, rate float64) []point {
		return sample(0, 10, 80, func(x float64) float64 { return 1 + 1.45/(1+math.Exp(-rate*(x-delay))) })
	}
	ch := chart{
		title: "Rise", xLabel: "Hours after mixing", yLabel: "Volume, times the start",
		series: []series{
			{name: "28 °C", ink: rust, points: rise(3.2, 1.7)},
			{name: "24 °C", ink: ochre, points: rise(4.6, 1.3)},
			{name: "20 °C", ink: blue, points: rise(6.6, 0.95)},
		},
	}
	ch.paint(c)
}

func paintOven(c *canvas, random *rand.Rand) {
	oven := sample(0, 60, 240, func(x float64) float64 {
		v := 240 + 1.2*random.NormFloat64()
		for _, opened := range []float64{4, 18, 37} {
			if x > opened {
				v -= 34 * math.Exp(-(x-opened)/3.4)
			}
		}
		return v
	})
	ch := chart{
		title: "Trial 22", xLabel: "Minutes in the oven", yLabel: "°C", fromZero: true,
		series: []series{
			{name: "oven", ink: rust, points: oven},
			{name: "loaf", ink: blue, points: sample(0, 60, 60, func(x float64) float64 {
				return 24 + 73/(1+math.Exp(-(x-20)/5.5))
			})},
		},
	}
	ch.paint(c)
}

func paintMarks(c *canvas, _ *rand.Rand) {
	ch := chart{
		title: "Means", yLabel: "Mark", xLabel: "What was judged", fromZero: true,
		categories: []string{"crust", "crumb", "smell", "taste", "next day"},
		series: []series{
			{name: "control", mark: bars, ink: silver, points: columns(6.1, 6.4, 5.9, 6.6, 4.8)},
			{name: "cold proof", mark: bars, ink: ochre, points: columns(7.9, 6.7, 7.4, 7.8, 6.1)},
			{name: "whey", mark: bars, ink: rust, points: columns(7.2, 7.6, 6.8, 7.1, 7.0)},
		},
	}
	ch.paint(c)
}

func paintCrust(c *canvas, random *rand.Rand) {
	var steamed, dry []point
	for range 34 {
		x := 24 + 32*random.Float64()
		steamed = append(steamed, point{x, 0.4 + 0.055*x + 0.22*random.NormFloat64()})
		dry = append(dry, point{x, 1.1 + 0.075*x + 0.3*random.NormFloat64()})
	}
	ch := chart{
		title: "Trial 27", xLabel: "Minutes", yLabel: "Crust, mm", fromZero: true,
		series: []series{
			{name: "steam", mark: dots, ink: blue, points: steamed},
			{name: "dry", mark: dots, ink: rust, points: dry},
		},
	}
	ch.paint(c)
}
