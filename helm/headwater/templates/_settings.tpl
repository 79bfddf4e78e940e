{{/* root, chain, connects, standby: settings of one process as JSON. It is told of the services that it connects to and of no
others: a password that a process does not need is not in it, nor is the setting that would ask for one. */}}
{{- define "headwater.settings" -}}
{{- $root := .root -}}
{{- $chain := index $root.Values.chains .chain -}}
{{- $settings := mergeOverwrite (deepCopy $root.Values.settings) (deepCopy ($chain.settings | default dict)) -}}
{{- range $path, $by := dict "kafka.sasl_password" "secrets.kafka" "kafka.ssl_key_password" "secrets.kafkaTls" "registry.password" "secrets.registry" "clickhouse.password" "secrets.clickhouse" "chain.rpc" "chains.*.rpc.key" "chain.ws" "chains.*.rpc.wsKey" "delivery.proxy" "secrets.deliveryProxy" -}}
{{- $section := index $settings (first (splitList "." $path)) | default dict -}}
{{- if hasKey $section (last (splitList "." $path)) -}}
{{- fail (printf "settings.%s is a secret: put it into a Secret and name that by existingSecret, see %s in the chart's README" $path $by) -}}
{{- end -}}
{{- end -}}
{{- $own := $settings.chain | default dict -}}
{{- if or (hasKey $own "name") (hasKey $own "chain_id") -}}
{{- fail "settings.chain.name and chain_id are set by the chain's name and chainId in chains" -}}
{{- end -}}
{{- if hasKey $own "standby" -}}
{{- fail "settings.chain.standby follows from roles.listen.replicas" -}}
{{- end -}}
{{- range $name := list "data_dir" "metrics_port" "metrics_host" "metrics_port_file" "client_id" -}}
{{- if hasKey $settings $name -}}
{{- fail (printf "settings.%s is the chart's to set, for each pod" $name) -}}
{{- end -}}
{{- end -}}
{{- $needed := dict "kafka" "bootstrap_servers" "registry" "url" "clickhouse" "url" -}}
{{- range $section, $name := $needed -}}
{{- if has $section $.connects -}}
{{- $value := index (index $settings $section | default dict) $name | required (printf "settings.%s.%s is needed: where %s is" $section $name $section) -}}
{{- if contains "@" $value -}}
{{- fail (printf "settings.%s.%s has a login in it: put that into a Secret and name it by secrets.%s.existingSecret" $section $name $section) -}}
{{- end -}}
{{- if contains "?" $value -}}
{{- fail (printf "settings.%s.%s has a query, where a login may be: put that into a Secret and name it by secrets.%s.existingSecret" $section $name $section) -}}
{{- end -}}
{{- if eq $section "kafka" -}}
{{- range $server := splitList "," $value -}}
{{- /* Clients would take 9092; a NetworkPolicy cannot know. */ -}}
{{- if not (regexMatch "^([^\\s:/\\[\\]]+|\\[[0-9A-Fa-f:.]+\\]):[1-9][0-9]{0,4}$" (trim $server)) -}}
{{- fail (printf "settings.kafka.bootstrap_servers: %s is not host:port" (trim $server | default "nothing between two commas")) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- else -}}
{{- $settings = omit $settings $section -}}
{{- end -}}
{{- end -}}
{{- if has "kafka" .connects -}}
{{- include "headwater.kafkaLogin" (dict "kafka" $settings.kafka "secrets" $root.Values.secrets) -}}
{{- with $root.Values.secrets.kafkaTls -}}
{{- if .existingSecret -}}
{{- $folder := "/etc/headwater/kafka" -}}
{{- if .caKey }}{{ $_ := set $settings.kafka "ssl_ca_location" (printf "%s/%s" $folder .caKey) }}{{ end -}}
{{- if .certificateKey }}{{ $_ := set $settings.kafka "ssl_certificate_location" (printf "%s/%s" $folder .certificateKey) }}{{ end -}}
{{- if .privateKeyKey }}{{ $_ := set $settings.kafka "ssl_key_location" (printf "%s/%s" $folder .privateKeyKey) }}{{ end -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- $_ := set $settings "chain" (merge (dict "name" .chain "chain_id" ($chain.chainId | int64)) $own) -}}
{{- if .standby }}{{ $_ := set $settings.chain "standby" true }}{{ end -}}
{{- $_ := set $settings "data_dir" "/var/lib/headwater" -}}
{{- $_ := set $settings "metrics_host" "0.0.0.0" -}}
{{- $_ := set $settings "metrics_port" ($root.Values.workload.metricsPort | int64) -}}
{{- $settings | toJson -}}
{{- end -}}

{{/* kafka: its settings; secrets. Nothing, or a refusal: a process takes no login that its protocol does not use, nor a protocol
without the login that it asks for. */}}
{{- define "headwater.kafkaLogin" -}}
{{- $protocol := .kafka.security_protocol | default "PLAINTEXT" -}}
{{- $login := or .secrets.kafka.existingSecret .secrets.kafkaOwner.existingSecret -}}
{{- $tls := or .secrets.kafkaTls.existingSecret .secrets.kafkaTlsOwner.existingSecret -}}
{{- if hasPrefix "SASL_" $protocol -}}
{{- if not .secrets.kafka.existingSecret -}}
{{- fail (printf "settings.kafka.security_protocol %s asks for a login: put it into a Secret and name it by secrets.kafka.existingSecret" $protocol) -}}
{{- end -}}
{{- if not .kafka.sasl_mechanism -}}
{{- fail (printf "settings.kafka.security_protocol %s needs settings.kafka.sasl_mechanism" $protocol) -}}
{{- end -}}
{{- else if $login -}}
{{- fail (printf "secrets.kafka and kafkaOwner are a SASL login, and settings.kafka.security_protocol is %s: set SASL_SSL or SASL_PLAINTEXT, or leave the Secrets out" $protocol) -}}
{{- end -}}
{{- if and $tls (not (has $protocol (list "SSL" "SASL_SSL"))) -}}
{{- fail (printf "secrets.kafkaTls and kafkaTlsOwner are for TLS, and settings.kafka.security_protocol is %s: set SSL or SASL_SSL, or leave the Secrets out" $protocol) -}}
{{- end -}}
{{- end -}}

{{/* A variable from a Secret: name, secret, key. */}}
{{- define "headwater.variable" -}}
- name: {{ .name }}
  valueFrom:
    secretKeyRef:
      name: {{ .secret }}
      key: {{ .key }}
{{- end -}}

{{/* root, service, owner: the Secret with a login, as JSON. Who makes topics, subjects and tables may have another one
than the roles. */}}
{{- define "headwater.login" -}}
{{- $own := index .root.Values.secrets (printf "%sOwner" .service) -}}
{{- ternary $own (index .root.Values.secrets .service) (and (not (empty .owner)) (not (empty $own.existingSecret))) | toJson -}}
{{- end -}}

{{/* root, chain, connects, owner: secrets of one process, and where its settings are. */}}
{{- define "headwater.environment" -}}
{{- $secrets := .root.Values.secrets -}}
{{- $chain := index .root.Values.chains .chain -}}
- name: HEADWATER_CONFIG
  value: /etc/headwater/settings/headwater.yaml
{{- if has "kafka" .connects }}
{{- with include "headwater.login" (dict "root" .root "service" "kafka" "owner" .owner) | fromJson }}
{{- if .existingSecret }}
{{ include "headwater.variable" (dict "name" "HEADWATER_KAFKA__SASL_USERNAME" "secret" .existingSecret "key" .usernameKey) }}
{{ include "headwater.variable" (dict "name" "HEADWATER_KAFKA__SASL_PASSWORD" "secret" .existingSecret "key" .passwordKey) }}
{{- end }}
{{- end }}
{{- $tls := (include "headwater.login" (dict "root" .root "service" "kafkaTls" "owner" .owner) | fromJson).existingSecret }}
{{- with $secrets.kafkaTls }}
{{- if and $tls .privateKeyPasswordKey }}
{{ include "headwater.variable" (dict "name" "HEADWATER_KAFKA__SSL_KEY_PASSWORD" "secret" $tls "key" .privateKeyPasswordKey) }}
{{- end }}
{{- end }}
{{- end }}
{{- if has "registry" .connects }}
{{- with include "headwater.login" (dict "root" .root "service" "registry" "owner" .owner) | fromJson }}
{{- if .existingSecret }}
{{ include "headwater.variable" (dict "name" "HEADWATER_REGISTRY__USERNAME" "secret" .existingSecret "key" .usernameKey) }}
{{ include "headwater.variable" (dict "name" "HEADWATER_REGISTRY__PASSWORD" "secret" .existingSecret "key" .passwordKey) }}
{{- end }}
{{- end }}
{{- end }}
{{- if has "clickhouse" .connects }}
{{- with include "headwater.login" (dict "root" .root "service" "clickhouse" "owner" .owner) | fromJson }}
{{- if .existingSecret }}
{{ include "headwater.variable" (dict "name" "HEADWATER_CLICKHOUSE__USERNAME" "secret" .existingSecret "key" .usernameKey) }}
{{ include "headwater.variable" (dict "name" "HEADWATER_CLICKHOUSE__PASSWORD" "secret" .existingSecret "key" .passwordKey) }}
{{- end }}
{{- end }}
{{- end }}
{{- if has "rpc" .connects }}
{{ include "headwater.variable" (dict "name" "HEADWATER_CHAIN__RPC" "secret" $chain.rpc.existingSecret "key" ($chain.rpc.key | default "rpc")) }}
{{- if $chain.rpc.wsKey }}
{{ include "headwater.variable" (dict "name" "HEADWATER_CHAIN__WS" "secret" $chain.rpc.existingSecret "key" $chain.rpc.wsKey) }}
{{- end }}
{{- end }}
{{- if has "webhooks" .connects }}
{{- with $secrets.deliveryProxy }}
{{- if .existingSecret }}
{{ include "headwater.variable" (dict "name" "HEADWATER_DELIVERY__PROXY" "secret" .existingSecret "key" .key) }}
{{- end }}
{{- end }}
{{- end }}
{{- if $secrets.trustedCa.existingSecret }}
- name: HEADWATER_TRUSTED_CA
  value: /etc/headwater/trusted-ca/{{ $secrets.trustedCa.key }}
{{- end }}
{{- with .root.Values.workload.extraEnv }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* root, connects */}}
{{- define "headwater.mounts" -}}
- {name: settings, mountPath: /etc/headwater/settings, readOnly: true}
- {name: state, mountPath: /var/lib/headwater}
- {name: tmp, mountPath: /tmp}
{{- if and (has "kafka" .connects) .root.Values.secrets.kafkaTls.existingSecret }}
- {name: kafka-tls, mountPath: /etc/headwater/kafka, readOnly: true}
{{- end }}
{{- if .root.Values.secrets.trustedCa.existingSecret }}
- {name: trusted-ca, mountPath: /etc/headwater/trusted-ca, readOnly: true}
{{- end }}
{{- end -}}

{{/* root, connects, config: name of the ConfigMap with its settings. State is for this pod's life only: Kafka has all. */}}
{{- define "headwater.volumes" -}}
- name: settings
  configMap:
    name: {{ .config }}
- name: state
  emptyDir: {}
- name: tmp
  emptyDir: {}
{{- if and (has "kafka" .connects) .root.Values.secrets.kafkaTls.existingSecret }}
- name: kafka-tls
  secret:
    secretName: {{ (include "headwater.login" (dict "root" .root "service" "kafkaTls" "owner" (or .owner (hasPrefix "prepare" (.role | default "")))) | fromJson).existingSecret }}
    defaultMode: 0440
{{- end }}
{{- if .root.Values.secrets.trustedCa.existingSecret }}
- name: trusted-ca
  secret:
    secretName: {{ .root.Values.secrets.trustedCa.existingSecret }}
    defaultMode: 0440
{{- end }}
{{- end -}}
