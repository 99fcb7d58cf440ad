# One image for listener, workers, console and stand-ins; what it runs is the command.
FROM python:3.11-slim AS build
WORKDIR /src
COPY requirements.lock pyproject.toml README.md LICENSE ./
RUN python -m venv /opt/hourstream && /opt/hourstream/bin/pip install --no-cache-dir --require-hashes -r requirements.lock
COPY console console
COPY eventbus eventbus
COPY listeners listeners
COPY sandbox sandbox
COPY worker worker
RUN /opt/hourstream/bin/pip install --no-cache-dir --no-deps --no-build-isolation .

FROM python:3.11-slim
RUN useradd --create-home --uid 10001 hourstream && mkdir /data && chown hourstream /data
COPY --from=build /opt/hourstream /opt/hourstream
ENV PATH=/opt/hourstream/bin:$PATH HOURSTREAM_DATA=/data HOURSTREAM_LOG_FORMAT=json
USER hourstream
VOLUME /data
ENTRYPOINT ["hourstream"]
CMD ["--help"]
