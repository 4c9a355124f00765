package main

import (
	"math"
	"math/rand/v2"
)

// bicycles is a repair manual. One of its pages has no screenshot.
func bicycles() *document {
	return &document{
		key:      "bicycles",
		header:   "Bicycle repair",
		prose:    "bicycle",
		reversed: true,
		file: directoryFile{
			DisplayName: "Bicycle repair: wheels, brakes & patience.pdf",
			UniqueID:    "manuals/bicycle repair.pdf",
			CreatedAt:   raw(`"2024-03-05T00:00:00Z"`),
			UpdatedAt:   raw(`"2024-06-13T00:00:00Z"`),
			DeletedAt:   raw("null"),
			Metadata:    raw("null"),
		},
		pages: []page{
			{blocks: []block{
				letterhead,
				title("Bicycle Repair", "Wheels, brakes and patience"),
				write(3),
				show(wide("Figure 1. A wheel and its parts", 352, paintWheel)),
				write(3),
			}},
			{blocks: []block{
				heading("Truing a wheel"), list(
					"Let the air out, and put a drop of oil on every nipple.",
					"Spin the wheel and mark the widest place with chalk.",
					"Loosen the spokes that pull towards the chalk, and tighten their neighbours by as much.",
					"Never turn a nipple by more than a quarter at a time.",
				), write(2),
				show(wide("Figure 2. Tension of the spokes, before and after", 256, paintTension)),
				tailpiece,
			}},
			{blocks: []block{
				heading("Chain and gears"), write(3),
				show(plain("Figure 3. The drivetrain from the right", 480, 272, paintDrivetrain)),
				write(4), blank,
			}},
			{unlisted: true, blocks: []block{
				heading("How fast chains wear"), write(3),
				show(wide("Figure 4. Chain wear with distance", 288, paintWear).named("page_4_figure_1.png")),
			}},
			{blocks: []block{
				letterhead,
				heading("Choosing gears"), write(2),
				show(wide("Figure 5. Metres travelled in one turn of the crank", 280, paintGears).judged(nullVerdict)),
				write(3),
			}},
			{blocks: []block{
				heading("Tightening torques"), write(2),
				table([]column{{"Bolt", 4, false}, {"Thread", 2, false}, {"N m", 1, true}, {"Grease", 2, false}},
					"Stem face plate | M5 | 5 | thin",
					"Seat post clamp | M6 | 6 | yes",
					"Crank bolt | M8 | 42 | yes",
					"Pedal axle | 9/16 in | 36 | yes",
					"Brake calliper | M6 | 7 | locking paste",
					"Rotor, six bolts | M5 | 4 | locking paste",
					"Bottle cage | M5 | 3 | no",
				),
				write(3), tailpiece,
			}},
		},
	}
}

func paintTension(c *canvas, random *rand.Rand) {
	before, after := make([]point, 32), make([]point, 32)
	for i := range before {
		x := float64(i + 1)
		before[i] = point{x, 98 + 17*math.Sin(x/2.3) + 8*random.NormFloat64()}
		after[i] = point{x, 104 + 2.5*random.NormFloat64()}
	}
	ch := chart{
		title: "Drive side", xLabel: "Spoke", yLabel: "Tension, kgf",
		series: []series{
			{name: "before", ink: ochre, points: before},
			{name: "after", ink: blue, points: after},
		},
	}
	ch.paint(c)
}

func paintWear(c *canvas, _ *rand.Rand) {
	wear := func(rate float64) []point {
		return sample(0, 6, 60, func(x float64) float64 { return rate * (x + 0.025*math.Pow(x, 2.6)) })
	}
	ch := chart{
		title: "Stretch of three chains", xLabel: "Thousands of kilometres", yLabel: "Percent", fromZero: true,
		series: []series{
			{name: "neglected", ink: rust, points: wear(0.19)},
			{name: "wiped", ink: ochre, points: wear(0.11)},
			{name: "waxed", ink: green, points: wear(0.06)},
		},
	}
	ch.paint(c)
}

func paintGears(c *canvas, _ *rand.Rand) {
	rings, cogs := []float64{28, 36, 42, 48}, []float64{12, 14, 16, 19, 22, 26, 32}
	h := heatMap{
		title: "Metres a turn, wheel of 2.1 m", unit: "m", decimals: 1, low: white, high: green,
		rows:    []string{"28 teeth", "36 teeth", "42 teeth", "48 teeth"},
		columns: []string{"12", "14", "16", "19", "22", "26", "32"},
		value:   func(row, column int) float64 { return 2.1 * rings[row] / cogs[column] },
	}
	h.paint(c)
}
