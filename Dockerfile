# syntax=docker/dockerfile:1
# check=error=true

# The build runs on the machine's own platform and compiles for the one that was asked for.
FROM --platform=$BUILDPLATFORM golang:1.26 AS build
WORKDIR /src

# The modules change less often than the code, so they are a layer of their own.
COPY go.mod go.sum ./
RUN --mount=type=cache,target=/go/pkg/mod go mod download

COPY . .
ARG TARGETOS
ARG TARGETARCH
ARG VERSION=dev
ARG COMMIT=unknown
RUN --mount=type=cache,target=/go/pkg/mod \
    --mount=type=cache,target=/root/.cache/go-build \
    CGO_ENABLED=0 GOOS=$TARGETOS GOARCH=$TARGETARCH \
    go build -trimpath -ldflags="-s -w -X main.version=$VERSION -X main.commit=$COMMIT" -o /out/tenantry .

# Nothing but certificates, time zones and the program: no shell, and no root.
FROM gcr.io/distroless/static:nonroot
COPY --from=build /out/tenantry /tenantry

# A container is reached from outside of it, so the program does not listen on loopback only.
ENV TENANTRY_LISTEN=:8080 TENANTRY_METRICS_LISTEN=:9090 TENANTRY_LOG_FORMAT=json
USER 65532:65532
EXPOSE 8080 9090
ENTRYPOINT ["/tenantry"]
CMD ["serve"]
