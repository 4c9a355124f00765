package main

import (
	"math"
	"math/rand/v2"
)

// tidePools is a field guide.
func tidePools() *document {
	return &document{
		key:    "tide-pools",
		header: "Tide pools of Gull Point",
		prose:  "tidepools",
		file: directoryFile{
			DisplayName: "Tide pools of Gull Point – a field guide 🐚.pdf",
			UniqueID:    "guides/tide-pools.pdf",
			CreatedAt:   raw(`"2024-03-04T08:15:30.120000Z"`),
			UpdatedAt:   raw(`"2024-06-11T10:00:00.500000Z"`),
			DeletedAt:   raw("null"),
			Metadata: raw(`{"language": "en", "edition": 3, "reviewed": true,` +
				` "tags": ["shore", "animals", "潮だまり"], "catalogue_number": 9007199254740993}`),
		},
		pages: []page{
			{blocks: []block{
				letterhead,
				title("The Tide Pools of Gull Point", "A field guide, third edition, with notes for teachers"),
				show(wide("Gull Point from the northern steps", 344, shoreView.paint)),
				write(5), tailpiece,
			}},
			{blocks: []block{
				heading("1  Where the pools are"), write(4),
				show(wide("Figure 1. Zones of the shore, in section", 304, paintZones)),
				write(4),
			}},
			{blocks: []block{
				heading("2  When to go"), write(3),
				show(wide("Figure 2. Height of the tide in a week of springs", 280, paintTide).judged(noVerdict)),
				table([]column{{"Date", 2, false}, {"Low water", 2, false}, {"Metres", 1, true}, {"Daylight", 2, false}},
					"9 April | 12:41 | 0.31 | yes",
					"10 April | 13:22 | 0.22 | yes",
					"11 April | 14:02 | 0.28 | yes",
					"12 April | 14:40 | 0.49 | yes",
					"13 April | 15:17 | 0.80 | until 19:52",
				),
			}},
			{blocks: []block{
				heading("3  Who lives there"),
				show(wide("Figure 3. Three neighbours, not to scale", 256, paintAnimals)),
				say("Cushion star.", "Five short arms and the colour of toast. It seldom grows wider than a "+
					"thumbnail here, and it grazes the film of the rock with a stomach that it turns inside out."),
				say("Beadlet anemone.", "Under water a flower of some two hundred tentacles; out of it, a dark "+
					"red button. Count the blue beads around the rim, if it lets you."),
				say("Common limpet.", "A tent of shell that fits its own scar on the rock to a hair. It walks at "+
					"high water, as far as a metre, and is home before the ebb."),
				write(3),
			}},
			{blocks: []block{
				letterhead,
				heading("4  Counting barnacles"), write(4),
				row(
					half("Figure 4. Barnacles by height", 240, paintBarnacles),
					half("Figure 5. Limpet shells", 240, paintLimpets),
				),
				list("Lay the frame on the rock, never on weed.", "Count the living and leave out the empty cases.",
					"Write down the height above low water before you move the frame."), write(2),
			}},
			{blocks: []block{
				heading("5  Warm pools and cool pools"), write(3),
				show(wide("Figure 6. Water temperature on 22 July", 304, paintPoolHeat)),
				write(4), tailpiece,
			}},
			{blocks: []block{heading("6  Rules for visitors"), list(
				"Ask the harbour office for the time of low water, and be off the rocks an hour after it.",
				"Wear boots with a profile, and walk on bare rock rather than on weed.",
				"Turn stones back the way they lay.",
				"Look with the eyes first, then with the tray, and with the fingers last.",
				"Take home nothing but empty shells, and of those only a handful.",
				"Dogs wait at the top of the steps.",
			), heading("For teachers"), write(6), blank, tailpiece}},
		},
	}
}

// shoreView is never changed.
var shoreView = seascape{
	zenith: 0x4d86b8, horizon: 0xe9e3cf, sun: 0xfff3cf, water: 0x1d5566, sunX: 0.55, sunY: 0.2, clouds: 0.5, rocks: true,
}

func paintTide(c *canvas, _ *rand.Rand) {
	ch := chart{
		title: "Predicted tide, 8 to 14 April", xLabel: "Hours from midnight of 8 April", yLabel: "Metres",
		fromZero: true,
		series: []series{{mark: area, ink: blue, points: sample(0, 160, 320, func(x float64) float64 {
			spring := 1 + 0.25*math.Cos(2*math.Pi*(x-60)/354)
			return 2.9 + spring*2.05*math.Cos(2*math.Pi*x/12.42) + 0.2*math.Cos(2*math.Pi*x/24.1)
		})}},
	}
	ch.paint(c)
}

func paintBarnacles(c *canvas, _ *rand.Rand) {
	ch := chart{
		title: "Barnacles", xLabel: "Metres above low water", yLabel: "a square decimetre", fromZero: true,
		categories: []string{"1", "2", "3", "4", "5", "6"},
		series: []series{
			{name: "2022", mark: bars, ink: sky, points: columns(12, 44, 128, 203, 141, 25)},
			{name: "2023", mark: bars, ink: blue, points: columns(18, 61, 149, 188, 167, 31)},
		},
	}
	ch.paint(c)
}

func paintLimpets(c *canvas, random *rand.Rand) {
	points := make([]point, 90)
	for i := range points {
		length := 14 + 38*random.Float64()
		points[i] = point{length, 0.42*length - 1 + 1.7*random.NormFloat64()}
	}
	ch := chart{
		title: "Limpets", xLabel: "Length, mm", yLabel: "Height, mm",
		series: []series{
			{name: "measured", mark: dots, ink: green, points: points},
			{name: "fit", ink: rust, points: []point{{14, 4.9}, {52, 20.8}}},
		},
	}
	ch.paint(c)
}

func paintPoolHeat(c *canvas, _ *rand.Rand) {
	h := heatMap{
		title: "Temperature of seven pools through one ebb", unit: "°C", decimals: 1, low: cream, high: rust,
		rows:    []string{"Steps", "Gully", "Mirror", "Cauldron", "Twins", "Ledge", "Last pool"},
		columns: []string{"9 h", "10 h", "11 h", "12 h", "13 h", "14 h", "15 h", "16 h"},
		value: func(row, column int) float64 {
			exposed := 1 - math.Abs(float64(column)-4.6)/6
			return 13.4 + exposed*(1.5+1.4*float64((row*5+3)%7)) + 0.3*math.Sin(float64(row*3+column))
		},
	}
	h.paint(c)
}
