package config

// levelPath is the path of the key that says what is logged.
const levelPath = "log.level"

// Threshold returns the least that is logged, by Level, Verbose and Quiet.
func (l *Log) Threshold() LogLevel {
	switch {
	case l.Verbose && l.Level != LevelTrace:
		return LevelDebug
	case l.Quiet && l.Level == LevelInfo:
		return LevelWarn
	case l.Level == "":
		return LevelInfo
	}
	return l.Level
}

// ShowsProgress tells whether progress is to be shown.
func (l *Log) ShowsProgress() bool { return !l.NoProgress && !l.Quiet }
