package emulator

import "testing"

// Each fault fits some route, and says so as it behaves.
func TestFaultKind_Fits(t *testing.T) {
	for _, kind := range FaultKinds() {
		blob, page, get := kind.Fits(RouteGetPageFigure), kind.Fits(RouteListDirectoryFiles), kind.Fits(RouteGetDirectoryFile)
		var want [3]bool
		switch kind {
		case FaultWrongSize, FaultWrongBytes, FaultPDF, FaultOddType, FaultOddEncoding, FaultLong:
			want = [3]bool{true, false, false}
		case FaultMalformedJSON, FaultTruncatedJSON, FaultDeepJSON, FaultHugeJSON:
			want = [3]bool{false, true, true}
		case FaultNullList, FaultShift:
			// They fit other listings.
		case FaultOddItem, FaultOddField, FaultSmallPages, FaultRepeatCursor, FaultRepeatPage, FaultEmptyPage, FaultExpiredCursor:
			want = [3]bool{false, true, false}
		default:
			want = [3]bool{true, true, true}
		}
		if got := [3]bool{blob, page, get}; got != want {
			t.Errorf("%s fits blobs, pages and single files: %v, want %v", kind, got, want)
		}
	}
	if FaultKind("rain").Fits(RouteGetPageFigure) {
		t.Error("an unknown fault fits")
	}
}
