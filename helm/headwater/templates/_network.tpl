{{/* address, secure, plain: the port of an address of the form http(s)://host[:port]. */}}
{{- define "headwater.port" -}}
{{- $port := regexFind ":[0-9]+$" (urlParse .address).host | trimPrefix ":" -}}
{{- $port | default (ternary .secure .plain (hasPrefix "https:" .address)) -}}
{{- end -}}

{{/* root, chain, connects: what a process may reach, and nothing else. */}}
{{- define "headwater.egress" -}}
{{- $policy := .root.Values.networkPolicy -}}
{{- $settings := include "headwater.settings" . | fromJson -}}
- ports:
    {{- $dns := $policy.dns | default dict }}
    {{- range $dns.ports | default (list 53) }}
    - {protocol: UDP, port: {{ . | int }}}
    - {protocol: TCP, port: {{ . | int }}}
    {{- end }}
  {{- with $dns.to }}
  to:
    {{- toYaml . | nindent 4 }}
  {{- end }}
{{- range $service := .connects }}
{{- $ports := (index $policy $service).ports }}
{{- if not $ports }}
{{- if eq $service "kafka" }}
{{- range splitList "," $settings.kafka.bootstrap_servers }}
{{- $ports = append $ports (regexFind "[0-9]+$" (trim .)) }}
{{- end }}
{{- else if eq $service "registry" }}
{{- $ports = list (include "headwater.port" (dict "address" $settings.registry.url "secure" "443" "plain" "80")) }}
{{- else if eq $service "rpc" }}
{{- $ports = ternary (list 443 8545 8546) (list 443 8545) (hasKey (index $.root.Values.chains $.chain).rpc "wsKey") }}
{{- else if eq $service "webhooks" }}
{{- $ports = list 443 }}
{{- else }}
{{- $ports = list (include "headwater.port" (dict "address" $settings.clickhouse.url "secure" "8443" "plain" "8123")) }}
{{- end }}
{{- end }}
- ports:
    {{- range $ports | uniq }}
    - {protocol: TCP, port: {{ . | int }}}
    {{- end }}
  {{- with (index $policy $service).to }}
  to:
    {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end }}
{{- end -}}
