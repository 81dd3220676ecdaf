{{/*
Names are the same in every release. Two operators in one cluster would act on the same objects, so that a second
release has to be refused: Helm does so, because the cluster-wide roles already belong to the first.
*/}}
{{- define "pve-operator.name" -}}
pve-operator
{{- end }}

{{/* What a Deployment selects by; it can never change. */}}
{{- define "pve-operator.selectorLabels" -}}
app.kubernetes.io/name: {{ include "pve-operator.name" . }}
app.kubernetes.io/instance: {{ .Release.Name | quote }}
{{- end }}

{{- define "pve-operator.labels" -}}
{{ include "pve-operator.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name (.Chart.Version | replace "+" "_") }}
{{- end }}

{{/* Without a published image a default could only end in ImagePullBackOff. */}}
{{- define "pve-operator.image" -}}
{{- $repository := required "image.repository is required: no image is published yet; build one from the Dockerfile of the repository and name it here." .Values.image.repository -}}
{{- if .Values.image.digest -}}
{{ printf "%s@%s" $repository .Values.image.digest }}
{{- else -}}
{{ printf "%s:%s" $repository (.Values.image.tag | default .Chart.AppVersion) }}
{{- end -}}
{{- end }}
