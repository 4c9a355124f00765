// Package report tells of an export in numbers and plots, from its tables and the reports of its runs alone: as one HTML file that asks nobody for
// anything, or as Markdown. It changes nothing.
package report
