package config

import (
	"slices"

	"exporter/internal/parts"
)

// Variable is a variable of the environment that is no key's.
type Variable struct{ Name, Help string }

// Variables describes the variables that the program goes by, beside those of keys.
func Variables() []Variable {
	return slices.Concat([]Variable{
		{fileVariable, "names the TOML file, where --config names none"},
		{jobVariable, "chooses a job of the TOML file, where --job chooses none"},
		{parts.CountVariable, "how many parts there are, where --part auto finds an engine that does not say it; where one does, it has to agree"},
		{keyVariable, "the API key"},
		{parseKeyVariable, "the API key, where " + keyVariable + " has none"},
		{credentialsVariable, "the directory in which systemd puts credentials; the file " + credentialName + " there has the API key, where no " +
			"variable has it"},
		{urlVariable, "the API's address, where neither EXPORTER_API_BASE_URL nor --base-url gives it"},
		{headersVariable, `headers for each request to the API, a line each: "Name: value"`},
	}, networkVariables(), bucketVariables(), []Variable{
		{"TERM", "dumb has lines of progress in place of bars"},
		{"GOMEMLIMIT", "how much memory the program may take, where what the container allows is not meant"},
		{"GOGC", "how much garbage there may be, in percent of what is in use"},
	})
}

// networkVariables are those of package proxy and of Go's crypto/x509.
func networkVariables() []Variable {
	return []Variable{
		{"HTTPS_PROXY", "the proxy for https, such as http://proxy.example.com:3128 or socks5://127.0.0.1:1080; https_proxy, too"},
		{"HTTP_PROXY", "the proxy for plain http; http_proxy, too"},
		{"ALL_PROXY", "the proxy for both, where those name none; all_proxy, too"},
		{"NO_PROXY", "what no proxy is asked for, with commas between: names (with all below them), addresses, networks, or *; no_proxy, too"},
		{"SSL_CERT_FILE", "a file with the certificates of authorities, in place of the system's (not on macOS and Windows)"},
		{"SSL_CERT_DIR", "directories of them, with colons between (not on macOS and Windows)"},
	}
}

// bucketVariables are those that packages s3, gs and az, and what looks for credentials there, go by.
func bucketVariables() []Variable {
	return []Variable{
		{"AWS_ENDPOINT_URL_S3", "the URL of the object store; where it is not set, AWS_ENDPOINT_URL, endpoint_url of the profile, AWS itself"},
		{"AWS_ENDPOINT_URL", "the same, for those who set it for all services"},
		{"AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true passes over these two, and endpoint_url"},
		{"AWS_REGION", "the region of the bucket; where it is not set, AWS_DEFAULT_REGION, region of the profile, what AWS says"},
		{"AWS_DEFAULT_REGION", "the same, where AWS_REGION has none"},
		{"AWS_ACCESS_KEY_ID", "the key for the object store"},
		{"AWS_SECRET_ACCESS_KEY", "its secret"},
		{"AWS_SESSION_TOKEN", "its token, where it is one for a time"},
		{"AWS_PROFILE", "the profile of the files of AWS; default, where it is not set"},
		{"AWS_SHARED_CREDENTIALS_FILE", "the file with keys, in place of ~/.aws/credentials"},
		{"AWS_CONFIG_FILE", "the file with settings, in place of ~/.aws/config"},
		{"AWS_WEB_IDENTITY_TOKEN_FILE", "a token for which a role is taken, as EKS sets it for a service account"},
		{"AWS_ROLE_ARN", "the role that is taken for it"},
		{"AWS_ROLE_SESSION_NAME", "what that is called in the logs of AWS"},
		{"AWS_ENDPOINT_URL_STS", "the URL of the service that gives roles, in place of that of AWS"},
		{"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "where a container gets credentials, as ECS sets it"},
		{"AWS_CONTAINER_CREDENTIALS_FULL_URI", "the same, as EKS's pod identity and others set it"},
		{"AWS_CONTAINER_AUTHORIZATION_TOKEN", "what a container says of itself there"},
		{"AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", "a file that has it"},
		{"AWS_EC2_METADATA_DISABLED", "true does not ask the machine for credentials"},
		{"AWS_EC2_METADATA_SERVICE_ENDPOINT", "where it is asked"},
		{"GOOGLE_APPLICATION_CREDENTIALS", "the file with credentials for gs://"},
		{"STORAGE_EMULATOR_HOST", "an object store in place of Google's, which is asked without credentials"},
		{"AZURE_STORAGE_ACCOUNT", "the account of az://"},
		{"AZURE_STORAGE_KEY", "its key"},
		{"AZURE_STORAGE_SAS_TOKEN", "a signature in place of the key"},
		{"AZURE_STORAGE_CONNECTION_STRING", "all of these, and the address, in one"},
		{"AZURE_STORAGE_SERVICE_ENDPOINT", "the address of the account, where it is not that of Azure"},
		{"AZURE_CLIENT_ID", "the application, or the identity, that asks for tokens"},
		{"AZURE_TENANT_ID", "where the application belongs to"},
		{"AZURE_FEDERATED_TOKEN_FILE", "a token of its own, as Kubernetes sets it for a workload identity"},
		{"AZURE_CLIENT_SECRET", "its secret, in place of such a token"},
		{"AZURE_AUTHORITY_HOST", "who gives tokens to it"},
		{"IDENTITY_ENDPOINT", "who gives tokens to a service of Azure, as that sets it"},
		{"IDENTITY_HEADER", "what the service says there"},
		{"AWS_CA_BUNDLE", "a file with certificates of authorities that vouch for the object store, beside the system's"},
	}
}
