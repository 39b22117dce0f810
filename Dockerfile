# One image for web, worker and beat; the command says which. It runs as an ordinary user, without the edge on one machine (lab/).
FROM python:3.11-slim-bookworm
ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 MEC_DATA_DIR=/data
RUN useradd --system --uid 10001 --home-dir /data mec && install -d -o mec -g mec -m 700 /data /data/images
WORKDIR /portal
COPY requirements.lock ./
RUN pip install --no-cache-dir --require-hashes -r requirements.lock
COPY manage.py pyproject.toml ./
COPY mecportal mecportal
COPY migrations_app migrations_app
COPY workers workers
COPY templates templates
COPY static static
USER mec
EXPOSE 8000
CMD ["sh", "-c", "python manage.py check --deploy --fail-level ERROR && python manage.py migrate && python manage.py collectstatic --noinput && exec uvicorn mecportal.asgi:application --host 0.0.0.0 --port 8000 --proxy-headers --ws websockets-sansio"]
