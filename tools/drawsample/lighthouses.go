package main

import (
	"math"
	"math/rand/v2"
)

// northHead and gannetRock are logs of two lights that go by the same name in the listing.
func northHead() *document {
	night := seascape{
		zenith: 0x20242c, horizon: 0xb9bcc0, sun: 0xffffff, water: 0x2c3036, sunX: 0.4, sunY: 0.3, clouds: 0.6,
		rocks: true,
	}
	return &document{
		key:    "log-north-head",
		header: "Log of the light at North Head, 1931",
		prose:  "lighthouse",
		gray:   true,
		file: directoryFile{
			DisplayName: "Lighthouse log.pdf",
			UniqueID:    "logs/north-head-1931",
			CreatedAt:   raw(`"2024-03-06T11:22:33.444000Z"`),
			UpdatedAt:   raw(`"2024-06-13T12:30:45.678901Z"`),
			DeletedAt:   raw("null"),
			Metadata:    raw(`{"station": "North Head", "year": 1931, "archived": true, "scale": 0.875}`),
		},
		pages: []page{
			{blocks: []block{
				title("Log of the Light at North Head", "Kept from January to December 1931"),
				show(plain("The station in a westerly", 480, 320, night.paint)),
				entry("1 January.", 3), entry("2 January.", 3),
			}},
			{blocks: []block{
				entry("14 January.", 2), entry("15 January.", 3), entry("18 January.", 2),
				show(plain("The tower in section", 400, 384, paintTower)),
			}},
			{blocks: []block{
				heading("February"), entry("3 February.", 3), entry("4 February.", 2),
				show(wide("Barometer in the watch room", 264, paintBarometer).judged(nullVerdict)),
				entry("9 February.", 3), tailpiece,
			}},
			{blocks: []block{
				heading("Wind and fog"),
				row(
					plain("Hours of wind in the year", 304, 264, paintNorthWind),
					plain("Hours of fog signal", 232, 264, paintFog),
				),
				entry("21 March.", 3), entry("22 March.", 4),
			}},
			{blocks: []block{
				heading("Stores at midsummer"),
				table([]column{{"Article", 4, false}, {"In store", 2, true}, {"Used", 2, true}, {"Unit", 2, false}},
					"Paraffin | 412 | 188 | gallons",
					"Mantles | 64 | 31 | pieces",
					"Cotton waste | 22 | 17 | pounds",
					"Polishing rouge | 6 | 2 | pounds",
					"White lead paint | 9 | 14 | gallons",
					"Coal | 3.5 | 4.2 | tons",
					"Flour | 140 | 196 | pounds",
					"Lamp glasses | 18 | 7 | pieces",
				),
				entry("24 June.", 3), entry("25 June.", 3), tailpiece,
			}},
		},
	}
}

func gannetRock() *document {
	return &document{
		key:        "log-gannet-rock",
		header:     "Log of the light on Gannet Rock, 1934",
		prose:      "lighthouse",
		gray:       true,
		firstIndex: 1,
		file: directoryFile{
			DisplayName: "Lighthouse log.pdf",
			UniqueID:    "logs/gannet-rock-1934",
			CreatedAt:   raw(`"2024-03-06T11:22:33.444000Z"`),
			UpdatedAt:   raw(`"2024-06-13T12:30:45.678901Z"`),
			Metadata:    raw(`{"station": "Gannet Rock", "year": 1934, "keepers": ["A. Moir", "J. Tulloch"]}`),
		},
		pages: []page{
			{blocks: []block{
				title("Log of the Light on Gannet Rock", "Second half of 1934"),
				entry("1 July.", 3), entry("3 July.", 3), entry("4 July.", 2), tailpiece,
			}},
			{blocks: []block{
				entry("19 August.", 2),
				show(plain("The shoals, as the keeper sounded them", 528, 376, paintShoals).
					named("Chart of the Shoals.JPG")),
				entry("20 August.", 3), entry("22 August.", 2),
			}},
			{blocks: []block{
				heading("Oil and hours of darkness"),
				show(wide("Oil burned in a night", 280, paintOil)),
				entry("30 September.", 3), entry("1 October.", 2), blank,
			}},
			{blocks: []block{
				heading("Vessels seen in November"),
				table([]column{{"Day", 2, false}, {"Steamers", 1, true}, {"Sail", 1, true}, {"Fishing", 1, true}},
					"5 November | 4 | 1 | 17",
					"6 November | 2 | 0 | 0",
					"7 November | 6 | 2 | 23",
					"8 November | 5 | 1 | 21",
					"9 November | 3 | 0 | 4",
				),
				entry("9 November.", 3), tailpiece,
			}},
		},
	}
}

func paintBarometer(c *canvas, random *rand.Rand) {
	n := noise(random.Uint32())
	ch := chart{
		title: "February 1931", xLabel: "Day of the month", yLabel: "Millibars",
		series: []series{{mark: curve, ink: graphite, points: sample(1, 28, 220, func(x float64) float64 {
			return 1004 + 70*(n.cloud(x/4, 5, 4)-0.5) - 18*math.Exp(-math.Pow(x-17, 2)/3)
		})}},
	}
	ch.paint(c)
}

func paintNorthWind(c *canvas, random *rand.Rand) {
	rose := windRose{title: "Wind, 1931", strength: [3]string{"to force 4", "5 to 7", "gale"}}
	rose.fill(random, 13)
	rose.paint(c)
}

func paintFog(c *canvas, _ *rand.Rand) {
	ch := chart{
		title: "Fog signal", xLabel: "Quarter", yLabel: "Hours", fromZero: true,
		categories: []string{"I", "II", "III", "IV"},
		series:     []series{{mark: bars, ink: slate, points: columns(62, 141, 208, 84)}},
	}
	ch.paint(c)
}

func paintOil(c *canvas, random *rand.Rand) {
	need := func(day float64) float64 { return 7.3 + 3*math.Cos(2*math.Pi*(day-355)/365) }
	var burned []point
	for day := 183.0; day < 365; day += 3 {
		burned = append(burned, point{day, need(day) + 0.35*random.NormFloat64()})
	}
	ch := chart{
		title: "July to December", xLabel: "Day of the year", yLabel: "Gallons", fromZero: true,
		series: []series{
			{name: "expected", ink: silver, points: sample(183, 365, 60, need)},
			{name: "burned", mark: dots, ink: graphite, points: burned},
		},
	}
	ch.paint(c)
}
