#!/bin/sh
# Pilots as Kubernetes Jobs, for the provider `command` (docs/burst.md): kubernetes.sh start|status|stop
#
# QUIPU_IMAGE      image with Quipu in it, whose `quipud` is on the path
# QUIPU_NAMESPACE  where the Jobs go; it must be there
#
# A Job is named after its pilot, so that the same order twice is one Job. The token goes into a Secret
# by way of standard input: a command line can be read by others.
set -eu
cluster() { kubectl --namespace "$QUIPU_NAMESPACE" "$@"; }

start() {
  cluster get job "$QUIPU_PILOT" >/dev/null 2>&1 && exit 0
  env | grep '^QUIPU_' | cluster create secret generic "$QUIPU_PILOT" --from-env-file=/dev/stdin \
    --dry-run=client --output=yaml | cluster apply --filename=-
  cluster apply --filename=- <<JOB
apiVersion: batch/v1
kind: Job
metadata:
  name: $QUIPU_PILOT
  labels: { quipu-fleet: "$QUIPU_FLEET" }
spec:
  activeDeadlineSeconds: $QUIPU_PILOT_SECONDS
  ttlSecondsAfterFinished: 60
  backoffLimit: 0
  template:
    spec:
      restartPolicy: Never
      terminationGracePeriodSeconds: 30
      containers:
        - name: quipud
          image: "$QUIPU_IMAGE"
          command: [quipud, --state, /work/state, --data, /work/data]
          envFrom: [{ secretRef: { name: $QUIPU_PILOT } }]
          volumeMounts: [{ name: work, mountPath: /work }]
      volumes: [{ name: work, emptyDir: {} }]
JOB
}

# A line for each Job that is not over: its name, and whether its pod is ready.
status() {
  cluster get jobs --selector "quipu-fleet=$QUIPU_FLEET" --no-headers --output \
    'custom-columns=NAME:.metadata.name,DONE:.status.succeeded,FAILED:.status.failed,READY:.status.ready' |
    awk '$2 == "<none>" && $3 == "<none>" { print $1, ($4 + 0 > 0 ? "running" : "pending") }'
}

stop() {
  cluster delete job,secret "$QUIPU_PILOT" --ignore-not-found --wait=false
}

case "${1:-}" in
start)
  said=$(start 2>&1) || {
    code=$?
    echo "$said" >&2
    # 75: no quota or no capacity now, so another offer is asked.
    case "$said" in *"exceeded quota"* | *"quota exceeded"*) exit 75 ;; *) exit $code ;; esac
  }
  ;;
status | stop) "$1" ;;
*)
  echo "kubernetes.sh start|status|stop" >&2
  exit 2
  ;;
esac
