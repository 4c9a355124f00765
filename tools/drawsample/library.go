package main

import "math/rand/v2"

// library returns everything that the sample holds.
func library() []*directory {
	project, organization := newID("project", "gull-point"), newID("organization", "gull-point-press")
	return []*directory{
		{
			ID:             newID("directory", "field-notes"),
			Name:           "Field notes & manuals",
			ProjectID:      project,
			OrganizationID: organization,
			documents: []*document{
				tidePools(), northHead(), gannetRock(), bicycles(), deliverySlip(), oldTreeSurvey(),
			},
		},
		{
			ID:             newID("directory", "reports"),
			Name:           "Reports 観測 📊 (2024)",
			ProjectID:      project,
			OrganizationID: organization,
			documents:      []*document{starCatalogue(), bread(), treeSurvey(), harbourPlates(), minutes()},
		},
	}
}

// deliverySlip is listed, but has no file behind it yet.
func deliverySlip() *document {
	return &document{
		key: "delivery-slip",
		file: directoryFile{
			DisplayName: "Delivery slip 2024-09-17 – not uploaded.pdf",
			UniqueID:    "slip-2024-09-17",
			CreatedAt:   raw(`"2024-09-17T07:00:00.000000Z"`),
			UpdatedAt:   raw(`"2024-09-17T07:00:00.000000Z"`),
			DeletedAt:   raw("null"),
			Metadata:    raw(`{"source": "front desk", "priority": 3}`),
		},
		pending: true,
	}
}

// minutes has pages without any figure.
func minutes() *document {
	return &document{
		key:    "minutes",
		header: "Allotment Society of Gull Point: minutes",
		prose:  "minutes",
		file: directoryFile{
			DisplayName: "Minutes, Allotment Society (Q3).pdf",
			UniqueID:    "society/minutes-q3",
			CreatedAt:   raw(`"2024-07-05T20:15:00Z"`),
			UpdatedAt:   raw(`"2024-10-04T21:40:12.5Z"`),
			Metadata:    raw(`{"has_figures": false, "approved": null}`),
		},
		pages: []page{
			{blocks: []block{
				title("Minutes of the Allotment Society", "Hut on the upper field, 5 July, seven in the evening"),
				entry("Present.", 2),
				heading("Business of the meeting"), list(
					"Apologies, and the minutes of the spring meeting.",
					"The water butts, and who left the tap running.",
					"Date and judges of the summer show.",
					"Any other business.",
				), write(6),
			}},
			{png: true, blocks: []block{
				heading("Meeting of 2 August"), entry("Matters arising.", 4),
				table([]column{{"Income", 3, false}, {"£", 1, true}, {"Spending", 3, false}, {"£", 1, true}},
					"Rents | 412.00 | Compost | 168.50",
					"Seed exchange | 37.20 | Hinges and paint | 23.75",
					"Teas | 61.85 | Insurance | 140.00",
					"Together | 511.05 | Together | 332.25",
				),
			}},
			{blocks: []block{
				heading("Meeting of 4 October"), entry("The show.", 3),
				table([]column{{"Class", 3, false}, {"Entries", 1, true}, {"First prize", 3, false}},
					"Three onions, dressed | 14 | Plot 11",
					"Runner beans, longest | 9 | Plot 3",
					"Potatoes, white | 12 | Plot 27",
					"Dahlias, six stems | 7 | Plot 8",
					"Jam, any fruit | 21 | Plot 16",
				),
				write(4),
			}},
		},
	}
}

// harbourPlates has figures, but no screenshots.
func harbourPlates() *document {
	plate := func(name, caption string, noise verdict, paint painter) page {
		return page{blocks: []block{show(plain(caption, 480, 304, paint).named(name).judged(noise))}}
	}
	dawn := seascape{
		zenith: 0x6f8fb8, horizon: 0xf6c9a8, sun: 0xffd9a0, water: 0x35506b, sunX: 0.5, sunY: 0.44, clouds: 0.45,
	}
	noon := seascape{
		zenith: 0x3f7fc1, horizon: 0xcfe6f2, sun: 0xfffbe8, water: 0x1f5f7a, sunX: 1.1, sunY: 0.1, clouds: 0.5,
		rocks: true,
	}
	dusk := seascape{
		zenith: 0x2b2a55, horizon: 0xe8835a, sun: 0xffb35c, water: 0x2a2440, sunX: 0.85, sunY: 0.53, clouds: 0.55,
	}
	return &document{
		key:         "harbour-plates",
		prose:       "lighthouse",
		figuresOnly: true,
		file: directoryFile{
			DisplayName: "Plates of the harbour — größere Ausgabe.pdf",
			UniqueID:    "plates/harbour",
			CreatedAt:   raw(`"2024-04-01T06:00:02.000000Z"`),
			UpdatedAt:   raw(`"2024-06-12T23:59:59.999999Z"`),
			DeletedAt:   raw("null"),
			Metadata:    raw(`{}`),
		},
		pages: []page{
			plate("Plate I (dawn).jpg", "The bar at dawn", noNoise, dawn.paint),
			plate("Plate II (noon).jpg", "The bar at noon", noNoise, noon.paint),
			plate("Plate III (dusk).JPG", "The bar at dusk", noVerdict, dusk.paint),
			plate("plate_海図.png", "Soundings of the inner harbour", noNoise, paintShoals),
			plate("", "The hills behind the town", nullVerdict, paintMountains),
			plate("", "Hours of wind at the pier head", noNoise, paintPierWind),
		},
	}
}

func paintPierWind(c *canvas, random *rand.Rand) {
	rose := windRose{
		title:    "Wind at the pier head, hours in 2023",
		strength: [3]string{"light", "fresh", "gale"},
	}
	rose.fill(random, 10)
	rose.paint(c)
}
