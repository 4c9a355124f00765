package export

import (
	"cmp"
	"log/slog"
	"time"

	"exporter/internal/config"
	"exporter/internal/llamacloud"
	"exporter/pipeline"
)

// Connect returns a client for the configured API. Nothing is sent yet. Blobs that are too large for memory are kept in
// what spool makes; nil means the system's directory for temporary files.
func Connect(cfg *config.Config, log *slog.Logger, spool func() (llamacloud.Spool, error), observer pipeline.Observer) (*llamacloud.Client, error) {
	key, warnings, err := cfg.ReadKey()
	if err != nil {
		return nil, err
	}
	headers, more, err := cfg.ReadHeaders()
	if err != nil {
		return nil, err
	}
	for _, w := range append(warnings, more...) {
		log.Warn(w)
	}
	proxies, err := cfg.ReadProxies()
	if err != nil {
		return nil, err
	}
	roots, err := cfg.ReadRoots()
	if err != nil {
		return nil, err
	}
	client, err := llamacloud.New(llamacloud.Options{
		BaseURL:        cfg.API.BaseURL,
		InsecureHTTP:   cfg.API.InsecureHTTP,
		PermitStorage:  cfg.API.PermitsStorage,
		Proxies:        proxies,
		Roots:          roots,
		Key:            key,
		Headers:        headers,
		OrganizationID: string(cfg.API.OrganizationID),
		ProjectID:      string(cfg.API.ProjectID),
		HeaderTimeout:  cfg.API.HeaderTimeout,
		IdleTimeout:    cfg.API.IdleTimeout,
		Rate:           llamacloud.Rate{PerSecond: cfg.Limits.Rate.PerSecond, Auto: cfg.Limits.Rate.Auto},
		Concurrency:    cfg.Limits.Concurrency,
		MaxPause:       cfg.Limits.MaxPause,
		MaxOutage:      cfg.Limits.MaxOutage,
		MaxAttempts:    cfg.Limits.MaxAttempts,
		MaxPageBytes:   pipeline.ListingShare(cmp.Or(int64(cfg.Limits.Memory), pipeline.DefaultMemory)),
		MaxBlobSize:    int64(cfg.Limits.MaxBlobSize),
		Spool:          spool,
		UserAgent:      "exporter/" + Version(),
		Observer:       observer,
		Log:            func(message string) { log.Debug(message) },
	})
	if err != nil {
		return nil, &UsageError{err}
	}
	if given := cfg.Limits.Rate.PerSecond; given > 0 {
		// The client tells of its rate when the first answer has come, but the given one holds from now on.
		observer.Observe(pipeline.Paced{PerSecond: given, By: pipeline.LimitGiven})
	}
	return client, nil
}

// selection returns what to export, of which everything is named by its id. Of some directories it is known when they expire.
func selection(s *config.Source, wait bool, expiries map[pipeline.ID]time.Time) llamacloud.Selection {
	return llamacloud.Selection{
		Directories:         config.IDs(s.Directories),
		Pipelines:           config.IDs(s.Pipelines),
		Files:               s.Files,
		Project:             s.Project,
		Expiries:            expiries,
		Indexes:             config.IDs(s.Indexes),
		Batches:             s.BatchIDs,
		DirectoryBatches:    s.Batches,
		ParseJobs:           s.ParseJobIDs,
		AllParseJobs:        s.ParseJobs,
		JobsSince:           s.JobsSince,
		JobStatus:           s.JobStatus,
		Wait:                wait,
		DisplayName:         s.DisplayName,
		DisplayNameContains: s.DisplayNameContains,
		UniqueID:            s.UniqueID,
		FileID:              string(s.FileID),
		IncludeDeleted:      s.IncludeDeleted,
		UpdatedAtOnOrAfter:  s.UpdatedAtOnOrAfter,
		UpdatedAtOnOrBefore: s.UpdatedAtOnOrBefore,
	}
}
