# A static program, the certificates of public authorities, a user without rights, and nothing else: no shell, no packages.
#
#   docker build --build-arg VERSION=v1.2.3 --tag exporter .
#   docker run --rm --env LLAMA_CLOUD_API_KEY --volume "$PWD/export:/export" exporter run --project
#
# The base images are named by tags: pin them by digest where builds have to be repeatable.
FROM golang:1.26-bookworm AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
ARG VERSION=
# An export belongs to the user of the container, so that an empty volume does, too.
RUN CGO_ENABLED=0 go build -trimpath -ldflags="-s -w -X $(go list -m)/internal/export.version=${VERSION}" -o /out/bin/exporter ./cmd/exporter \
    && mkdir -p /out/export /out/tmp /out/etc/ssl/certs \
    && cp /etc/ssl/certs/ca-certificates.crt /out/etc/ssl/certs/ \
    && echo 'exporter:x:65532:65532::/export:/nonexistent' >/out/etc/passwd \
    && echo 'exporter:x:65532:' >/out/etc/group \
    && chown -R 65532:65532 /out/export && chmod 1777 /out/tmp

FROM scratch
COPY --from=build /out/ /
USER 65532:65532
WORKDIR /
VOLUME /export
# Well is what can run and reads its settings; whether a run comes forward is said by its own log, and by /export/.exporter/running.json.
HEALTHCHECK --interval=5m --timeout=10s CMD ["/bin/exporter", "version"]
ENTRYPOINT ["/bin/exporter"]
CMD ["run"]
