// Package config turns a TOML file, the environment and flags into one validated Config.
//
// One table (settings) describes every key once: its place in the TOML file, its flag, its environment variable, its
// default, its help and how its text is parsed. Loading, flags, help and config.example.toml all follow from it.
//
// Flags beat the environment, the environment beats the TOML file, the file beats the defaults. Each layer is strict on
// its own: a bad value is refused even where another layer would have replaced it. Lists are replaced as a whole.
// Every message names the place that the value came from and what would be right, on one line.
//
// The API key and the values of headers are in none of these layers: they are read, when the API is to be asked, from the variables
// of the official clients, and the key from a file of its own, too. No error, and no form of printing a Config, shows them.
package config
