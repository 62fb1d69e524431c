# The images of Causerie, one for each target: gateway, broker, standalone, loadtest.
#
#   docker build --target gateway -t causerie/gateway .
#
# PROFILE=dev builds in half the time what is several times as slow. RUNTIME is what the
# programs run on: any system with glibc 2.36 or newer will do, also one without a shell.
ARG RUST=rust:1-bookworm
ARG RUNTIME=debian:bookworm-slim

# --- dependencies: built again only where a Cargo.toml or Cargo.lock has changed ---
FROM ${RUST} AS chef
RUN cargo install --locked cargo-chef@0.1.78
WORKDIR /causerie

FROM chef AS recipe
COPY . .
RUN cargo chef prepare --recipe-path recipe.json

FROM chef AS build
ARG PROFILE=release
ENV CARGO_PROFILE_DEV_DEBUG=none CARGO_INCREMENTAL=0
ARG PROGRAMS="-p causerie -p causerie-gateway -p causerie-broker -p causerie-loadtest"
COPY --from=recipe /causerie/recipe.json .
RUN cargo chef cook --locked --profile ${PROFILE} --recipe-path recipe.json ${PROGRAMS}
COPY . .
RUN cargo build --locked --profile ${PROFILE} --bins ${PROGRAMS} \
 && mkdir /programs \
 && cd target/$(if [ ${PROFILE} = dev ]; then echo debug; else echo ${PROFILE}; fi) \
 && cp causerie causerie-gateway causerie-broker causerie-loadtest /programs

# --- what runs: nobody in particular, who needs to write nothing -------------------
FROM ${RUNTIME} AS runtime
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
USER 65532:65532
ENV ADMIN_BIND=0.0.0.0

FROM runtime AS gateway
COPY --from=build /programs/causerie-gateway /usr/local/bin/
EXPOSE 8080 8081
HEALTHCHECK --interval=2s --timeout=3s --start-period=30s CMD ["causerie-gateway", "health"]
ENTRYPOINT ["causerie-gateway"]

FROM runtime AS broker
COPY --from=build /programs/causerie-broker /usr/local/bin/
EXPOSE 8082
HEALTHCHECK --interval=2s --timeout=3s --start-period=30s CMD ["causerie-broker", "health"]
ENTRYPOINT ["causerie-broker"]

FROM runtime AS loadtest
COPY --from=build /programs/causerie-loadtest /usr/local/bin/
ENTRYPOINT ["causerie-loadtest"]

FROM runtime AS standalone
COPY --from=build /programs/causerie /usr/local/bin/
ENV WEBSOCKET_BIND=0.0.0.0
EXPOSE 8080 8081
HEALTHCHECK --interval=2s --timeout=3s --start-period=30s CMD ["causerie", "health"]
ENTRYPOINT ["causerie"]
