package dataset

import (
	"encoding/json"
	"testing"
)

func TestCroissant_Forms_AsGolden(t *testing.T) {
	for _, form := range []string{FormParquet, FormWebDataset, FormImageFolder} {
		text, err := Croissant(testSummary(form))
		if err != nil {
			t.Fatal(err)
		}
		checkGolden(t, "croissant_"+form+".json", text)
	}
}

func TestCroissant_HostileTitle_IsAText(t *testing.T) {
	s := testSummary(FormParquet)
	s.Title = "\",\"license\":\"mit\x00\xff</script>"
	text, err := Croissant(s)
	if err != nil {
		t.Fatal(err)
	}
	var got map[string]any
	if err := json.Unmarshal(text, &got); err != nil {
		t.Fatal(err)
	}
	if want := "Pictures of documents: \",\"license\":\"mit\x00\ufffd</script>"; got["name"] != want || got["license"] != nil {
		t.Errorf("got name %q, license %v, want name %q", got["name"], got["license"], want)
	}
}

// Everything that is referred to is there, once.
func TestCroissant_References_AreThere(t *testing.T) {
	for _, form := range []string{FormParquet, FormWebDataset, FormImageFolder} {
		text, err := Croissant(testSummary(form))
		if err != nil {
			t.Fatal(err)
		}
		var document any
		if err := json.Unmarshal(text, &document); err != nil {
			t.Fatal(err)
		}
		made, used := map[string]int{}, map[string]bool{}
		var walk func(any)
		walk = func(v any) {
			switch v := v.(type) {
			case []any:
				for _, element := range v {
					walk(element)
				}
			case map[string]any:
				id, hasID := v["@id"].(string)
				if _, hasType := v["@type"].(string); hasID && hasType {
					made[id]++
				} else if hasID {
					used[id] = true
				}
				for key, element := range v {
					if key != "@context" {
						walk(element)
					}
				}
			}
		}
		walk(document)
		for id, n := range made {
			if n != 1 {
				t.Errorf("%s: %q is there %d times", form, id, n)
			}
		}
		for id := range used {
			if made[id] == 0 {
				t.Errorf("%s: %q is referred to, and missing", form, id)
			}
		}
		if len(made) == 0 || form != FormWebDataset && len(used) == 0 {
			t.Errorf("%s: nothing is there, or nothing is referred to", form)
		}
	}
}

// A FileObject needs a sum. Without one, the sets have the files.
func TestCroissant_FilesWithoutSums_AreInSetsAlone(t *testing.T) {
	for _, form := range []string{FormParquet, FormWebDataset, FormImageFolder} {
		s := testSummary(form)
		for _, c := range s.Configs {
			for _, split := range c.Splits {
				for i := range split.Files {
					split.Files[i].SHA256 = ""
				}
			}
		}
		text, err := Croissant(s)
		if err != nil {
			t.Fatal(err)
		}
		var got croissantDataset
		if err := json.Unmarshal(text, &got); err != nil {
			t.Fatal(err)
		}
		for _, r := range got.Distribution {
			if r.Type != "cr:FileSet" || len(r.Includes) == 0 {
				t.Errorf("%s: got %+v, want a set", form, r)
			}
		}
		if len(got.Distribution) < 2 {
			t.Errorf("%s: got %d sets, want one for each configuration at least", form, len(got.Distribution))
		}
	}
}
