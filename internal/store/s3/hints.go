package s3

import (
	"cmp"
	"fmt"
	"net/http"
	"time"

	"exporter/internal/store/bucket"
	"exporter/internal/store/wire"
)

// permission is what a policy has to allow for an operation.
func permission(op string) string {
	switch op {
	case wire.OpPut, wire.OpCreate:
		return "s3:PutObject"
	case wire.OpList:
		return "s3:ListBucket on the bucket"
	case wire.OpRemove:
		return "s3:DeleteObject"
	}
	return "s3:GetObject, and s3:ListBucket on the bucket, without which what is missing is refused as well"
}

// hint says what to do about an answer; "" where there is nothing to say.
func (c *Client) hint(op string, e *bucket.Error, r *http.Response, inBody string) string {
	region := wire.Plain(cmp.Or(r.Header.Get(regionHeader), inBody))
	switch e.Code {
	case "AccessDenied", "AllAccessDisabled", "AccessDeniedException":
		return "the credentials of " + c.identity.source + " need " + permission(op)
	case "NoSuchBucket":
		return "make the bucket first, or look at its name and at AWS_ENDPOINT_URL_S3"
	case "InvalidAccessKeyId", "XAdminUserNotFound":
		return "the store does not know the key of " + c.identity.source + ": is it one of this store?"
	case "SignatureDoesNotMatch":
		return "the secret key of " + c.identity.source + " is not that of its access key, or something on the way changes requests"
	case "RequestTimeTooSkewed", "RequestExpired":
		return skew(r)
	case "ExpiredToken", "ExpiredTokenException", "InvalidToken", "TokenRefreshRequired":
		if c.identity.renews {
			return "new credentials are asked for"
		}
		return "the credentials of " + c.identity.source + " have ended: a profile or a role renews them by itself"
	case "PermanentRedirect", "TemporaryRedirect", "AuthorizationHeaderMalformed", "IllegalLocationConstraintException", "InvalidRegion":
		return c.regionHint(region)
	case "NotImplemented":
		if op == wire.OpCreate {
			return "the store has no conditional writes"
		}
	case "InvalidRequest":
		if r.Header.Get("X-Amz-Bucket-Object-Lock-Enabled") != "" {
			return "a bucket with a retention of objects cannot be written to"
		}
	}
	if r.StatusCode/100 == 3 || region != "" && region != c.region {
		return c.regionHint(region)
	}
	return ""
}

func (c *Client) regionHint(region string) string {
	if region == "" || region == c.region {
		return fmt.Sprintf("the bucket is not in the region %s, or not at this endpoint: look at AWS_REGION and AWS_ENDPOINT_URL_S3", c.region)
	}
	return fmt.Sprintf("the bucket is in the region %s, not in %s: set AWS_REGION=%s", region, c.region, region)
}

// skew says how far the clocks are from each other.
func skew(r *http.Response) string {
	at, err := http.ParseTime(r.Header.Get("Date"))
	if err != nil {
		return "the clock of this machine is wrong"
	}
	off := time.Since(at).Round(time.Second)
	if off < 0 {
		return fmt.Sprintf("the clock of this machine is %s behind that of the store", -off)
	}
	return fmt.Sprintf("the clock of this machine is %s ahead of that of the store", off)
}
