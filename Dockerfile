# On Book on Discord. It has no PyTorch, does not run as root, and writes only below /data.
# Its settings come from the environment: DISCORD_TOKEN, and the others in .env.example.
FROM python:3.13-slim@sha256:7c61056e61ac89e852de05f3dc6fa51a6dd2181797bceed46aa725dd7cb2cd3b AS built
WORKDIR /onbook
COPY pyproject.toml constraints.txt README.md LICENSE ./
COPY bot bot
# `--build-arg EXTRAS=local` builds an image for `play`, whose simulated Discord takes 150 MB.
ARG EXTRAS=audio,metrics,postgres
RUN python -m venv /venv && /venv/bin/pip install --no-cache-dir --constraint constraints.txt ".[$EXTRAS]"

FROM python:3.13-slim@sha256:7c61056e61ac89e852de05f3dc6fa51a6dd2181797bceed46aa725dd7cb2cd3b
LABEL org.opencontainers.image.title="On Book" \
    org.opencontainers.image.description="A Discord bot that writes scripts with you, line by line" \
    org.opencontainers.image.licenses="MIT"
COPY --from=built /venv /venv
RUN useradd --uid 10001 --no-create-home onbook && install -d -o onbook -g onbook /data
USER onbook
# Unless a database server's address is set, the scripts are kept here, in onbook.db.
WORKDIR /data
VOLUME /data
ENV PATH=/venv/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    ONBOOK_METRICS_HOST=0.0.0.0 \
    ONBOOK_METRICS_PORT=9100
EXPOSE 9100
# A refused connection counts as healthy, because `play`, for one, serves no pages. A bot that hangs
# does not answer.
HEALTHCHECK --interval=15s --timeout=5s --start-period=30s CMD ["python", "-c", "\
import contextlib, http.client, os\n\
with contextlib.suppress(ConnectionRefusedError): \
address = '127.0.0.1:' + os.environ.get('ONBOOK_METRICS_PORT', ''); \
asked = http.client.HTTPConnection(address, timeout=3); \
asked.request('GET', '/healthz'); \
assert asked.getresponse().status == 200"]
ENTRYPOINT ["onbook"]
CMD ["run"]
