// Package view shows an export in a browser: documents, pages beside their figures, and a wall of all pictures. It serves a page, rows of the
// tables, thumbnails and blobs over HTTP, or writes them into a folder that a browser opens by itself. It changes nothing in the export.
//
// Everything that an export holds is untrusted. Whatever is not a picture is sent as text to a page that shows it as such; the page runs no script
// but its own, and asks nobody but the server that it is from.
package view
