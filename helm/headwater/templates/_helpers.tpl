{{/* What everything of the release begins with. */}}
{{- define "headwater.fullname" -}}
{{- .Values.fullnameOverride | default (ternary .Release.Name (printf "%s-headwater" .Release.Name) (contains "headwater" .Release.Name)) -}}
{{- end -}}

{{/* root, chain, what: a name of one chain. A StatefulSet's name and a hash of ten characters must fit a label. */}}
{{- define "headwater.name" -}}
{{- $name := printf "%s-%s-%s" (include "headwater.fullname" .root) .chain .what -}}
{{- if gt (len $name) 52 -}}
{{- fail (printf "%s has %d characters, and 52 are the most: set a shorter fullnameOverride" $name (len $name)) -}}
{{- end -}}
{{- $name -}}
{{- end -}}

{{/* root, chain, role: what selects the pods of one role. */}}
{{- define "headwater.selector" -}}
app.kubernetes.io/name: headwater
app.kubernetes.io/instance: {{ .root.Release.Name | quote }}
app.kubernetes.io/component: {{ .role }}
headwater.dev/chain: {{ .chain | quote }}
{{- end -}}

{{/* root, chain, role */}}
{{- define "headwater.labels" -}}
{{ include "headwater.selector" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service | quote }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version | quote }}
{{- end -}}

{{/* What belongs to the release and to none of its chains. */}}
{{- define "headwater.releaseLabels" -}}
app.kubernetes.io/name: headwater
app.kubernetes.io/instance: {{ .Release.Name | quote }}
{{- end -}}

{{/* own: the chart's labels or annotations as text; more: those of a value; value: its name. All of them. */}}
{{- define "headwater.with" -}}
{{- $own := .own | fromYaml -}}
{{- $more := .more | default dict -}}
{{- range $key := keys $more | sortAlpha -}}
{{- if hasKey $own $key -}}
{{- fail (printf "%s has %s, which is the chart's own" $.value $key) -}}
{{- end -}}
{{- end -}}
{{- toYaml (merge $own $more) -}}
{{- end -}}

{{- define "headwater.image" -}}
{{- $image := .Values.image -}}
{{- if $image.digest -}}
{{- printf "%s@%s" $image.repository $image.digest -}}
{{- else -}}
{{- printf "%s:%s" $image.repository ($image.tag | default .Chart.AppVersion) -}}
{{- end -}}
{{- end -}}

{{- define "headwater.podSecurity" -}}
runAsNonRoot: true
runAsUser: {{ .Values.workload.user | int64 }}
runAsGroup: {{ .Values.workload.user | int64 }}
fsGroup: {{ .Values.workload.user | int64 }}
fsGroupChangePolicy: OnRootMismatch
seccompProfile:
  type: RuntimeDefault
{{- end -}}

{{- define "headwater.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end -}}

{{/* What every pod has. root, account, spread: labels that its replicas are spread by, or nothing.
No service links: a Service named headwater-… would put variables into the environment that look like settings. */}}
{{- define "headwater.pod" -}}
{{- $workload := .root.Values.workload -}}
serviceAccountName: {{ .account }}
automountServiceAccountToken: false
enableServiceLinks: false
securityContext:
  {{- include "headwater.podSecurity" .root | nindent 2 }}
{{- with .root.Values.imagePullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . }}
  {{- end }}
{{- end }}
{{- with $workload.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with $workload.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $workload.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $workload.affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- if .spread }}
{{- $spread := .spread }}
{{- with $workload.topologySpread }}
topologySpreadConstraints:
  {{- range . }}
  - maxSkew: {{ .maxSkew | default 1 }}
    topologyKey: {{ .topologyKey }}
    whenUnsatisfiable: {{ .whenUnsatisfiable }}
    labelSelector:
      matchLabels:
        {{- $spread | nindent 8 }}
  {{- end }}
{{- end }}
{{- end }}
{{- end -}}
