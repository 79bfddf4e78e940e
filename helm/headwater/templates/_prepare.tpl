{{/* What the preparation's resources are called. Hooks leave theirs behind and no release owns them, so that a plain job's
have other names: Helm would refuse to take over what exists. */}}
{{- define "headwater.prepare" -}}
{{- ternary "prepare" "prepare-job" (eq .Values.prepare.mode "hooks") -}}
{{- end -}}

{{/* What prepares a chain, in order, as JSON: name, command, what it connects to. */}}
{{- define "headwater.steps" -}}
{{- $steps := list -}}
{{- if eq .Values.topics.by "headwater" -}}
{{- $steps = append $steps (dict "name" "topics" "command" (list "topics" "apply") "connects" (list "kafka") "weight" "-30") -}}
{{- end -}}
{{- $steps = append $steps (dict "name" "schemas" "command" (list "schemas" "register") "connects" (list "registry") "weight" "-20") -}}
{{- $steps = append $steps (dict "name" "tables" "command" (list "migrate") "connects" (list "clickhouse") "weight" "-10") -}}
{{- dict "steps" $steps | toJson -}}
{{- end -}}

{{/* root, weight: annotations of a resource that is a hook, or nothing. */}}
{{- define "headwater.hook" -}}
{{- if eq .root.Values.prepare.mode "hooks" -}}
annotations:
  helm.sh/hook: pre-install,pre-upgrade
  helm.sh/hook-weight: {{ .weight | quote }}
  helm.sh/hook-delete-policy: before-hook-creation
{{- end -}}
{{- end -}}

{{/* root, chain, step, config: one step as a container. */}}
{{- define "headwater.step" -}}
{{- $of := dict "root" .root "chain" .chain "connects" .step.connects "owner" true -}}
name: {{ .step.name }}
image: {{ include "headwater.image" .root }}
imagePullPolicy: {{ .root.Values.image.pullPolicy }}
args:
  {{- toYaml .step.command | nindent 2 }}
env:
  {{- include "headwater.environment" $of | nindent 2 }}
resources:
  {{- toYaml .root.Values.prepare.resources | nindent 2 }}
securityContext:
  {{- include "headwater.containerSecurity" .root | nindent 2 }}
volumeMounts:
  - {name: settings, mountPath: /etc/headwater/settings/headwater.yaml, subPath: {{ .step.name }}.yaml, readOnly: true}
  {{- range include "headwater.mounts" $of | fromYamlArray }}
  {{- if ne .name "settings" }}
  - {{ toJson . }}
  {{- end }}
  {{- end }}
{{- end -}}

{{/* root, chain, role, connects, config, files: the settings by step, job: before, last. The pod template of a job, all that
is in it as text. */}}
{{- define "headwater.prepareTemplate" -}}
{{- $it := . -}}
metadata:
  labels:
    {{- include "headwater.labels" . | nindent 4 }}
  annotations:
    checksum/settings: {{ .files | toJson | sha256sum | quote }}
    {{- with .root.Values.prepare.again }}
    headwater.dev/again: {{ . | quote }}
    {{- end }}
spec:
  {{- include "headwater.pod" (dict "root" .root "account" (printf "%s-%s" (include "headwater.fullname" .root) .role)) | nindent 2 }}
  restartPolicy: Never
  {{- with .job.before }}
  initContainers:
    {{- range . }}
    -
      {{- include "headwater.step" (dict "root" $it.root "chain" $it.chain "step" .) | nindent 6 }}
    {{- end }}
  {{- end }}
  containers:
    -
      {{- include "headwater.step" (dict "root" .root "chain" .chain "step" .job.last) | nindent 6 }}
  volumes:
    {{- include "headwater.volumes" . | nindent 4 }}
{{- end -}}
