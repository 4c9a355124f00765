// Package buckettest has what every bucket.Client has to pass, and a store that speaks S3's protocol, honestly or with vices that are chosen.
package buckettest
