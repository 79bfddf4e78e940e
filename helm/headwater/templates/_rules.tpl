{{/* The alerts. Each names a fault that a person can act on; docs/runbook.md says how. A series that is gone is not a fault
of its value, so that each expression is about series that are there, and one alert is about those that are not. Nobody
misses a role of no replicas. */}}
{{- define "headwater.rules" -}}
{{- $alerts := .Values.alerts -}}
{{- $root := . -}}
{{- $namespace := printf "namespace=%q" .Release.Namespace -}}
{{- range $chain, $own := .Values.chains }}
{{- $limits := mergeOverwrite (deepCopy $alerts) ($own.alerts | default dict) -}}
{{- $roles := include "headwater.roles" (dict "root" $root "chain" $chain) | fromJson -}}
{{- $of := printf "%s, chain=%q" $namespace $chain }}
{{- if $roles.listen.runs }}
{{- include "headwater.rule" (dict "root" $root "alert" "HeadwaterListenerGone" "severity" "critical" "minutes" 7 "labels" (dict "chain" $chain)
    "expr" (include "headwater.gone" (printf "headwater_chain_sequence{%s}" $of))
    "summary" (printf "Nobody follows chain %s." $chain)) }}
{{ end }}
{{- range $role, $it := omit $roles "listen" }}
{{- if $it.runs }}
{{- include "headwater.rule" (dict "root" $root "alert" "HeadwaterRoleGone" "severity" "critical" "minutes" 7 "labels" (dict "chain" $chain "role" $role)
    "expr" (include "headwater.gone" (printf "headwater_build_info{%s, role=%q}" $of $role))
    "summary" (printf "No process of %s runs for chain %s." $role $chain)) }}
{{ end }}
{{- end }}
{{ include "headwater.rule" (dict "root" $root "alert" "HeadwaterHeadStalled" "severity" "critical" "minutes" 1
    "expr" (include "headwater.standsStill" (dict "series" (printf "headwater_chain_block{%s, tag=\"head\"}" $of) "minutes" (int $limits.headStalledMinutes)))
    "summary" "Chain {{ $labels.chain }} stands still: no block was published for minutes.") }}
{{ include "headwater.rule" (dict "root" $root "alert" "HeadwaterFinalityStalled" "severity" "warning" "minutes" 15
    "expr" (printf "max by (namespace, chain) (headwater_chain_unfinalized_seconds{%s}) > %d" $of (int $limits.finalitySeconds))
    "summary" "Finality of chain {{ $labels.chain }} is {{ $value }} s behind its head.") }}
{{ include "headwater.rule" (dict "root" $root "alert" "HeadwaterGroupLate" "severity" "warning" "minutes" 10
    "expr" (printf "max by (namespace, chain, group) (headwater_consumer_lag_seconds{%s}) > %d" $of (int $limits.lagSeconds))
    "summary" "The first message that {{ $labels.group }} of chain {{ $labels.chain }} has not finished is {{ $value }} s old.") }}
{{ include "headwater.rule" (dict "root" $root "alert" "HeadwaterStageBehind" "severity" "warning" "minutes" 10
    "expr" (printf "max by (namespace, chain, group, topic) (headwater_consumer_lag{%s, group!=\"sink\", group!~\".*[.]sink\"}) > %d" $of (int $limits.stageLag))
    "summary" "{{ $labels.group }} of chain {{ $labels.chain }} is {{ $value }} events behind.") }}
{{ include "headwater.rule" (dict "root" $root "alert" "HeadwaterDeliveryLate" "severity" "critical" "minutes" 5
    "expr" (printf "max by (namespace, chain, channel) (headwater_delivery_oldest_seconds{%s}) > %d" $of (int $limits.deliverySeconds))
    "summary" "An alert of chain {{ $labels.chain }} has waited {{ $value }} s for channel {{ $labels.channel }}.") }}
{{- if $roles.sink.runs }}
{{ include "headwater.rule" (dict "root" $root "alert" "HeadwaterSinkBehind" "severity" "warning" "minutes" 10
    "expr" (printf "max by (namespace, chain, topic) (headwater_consumer_lag{%s, group=~\"(.*[.])?sink\"}) > %d" $of (int64 $limits.sinkLag))
    "summary" "The sink of chain {{ $labels.chain }} is {{ $value }} messages behind on {{ $labels.topic }}.") }}
{{ include "headwater.rule" (dict "root" $root "alert" "HeadwaterBlocksLate" "severity" "warning" "minutes" 10
    "expr" (printf "histogram_quantile(0.9, sum by (namespace, chain, le) (rate(headwater_block_age_visible_seconds_bucket{%s}[10m]))) > %d unless on (namespace, chain) max_over_time((%s)[30m:15s]) > %d" $of (int $limits.visibleSeconds) (include "headwater.behindNodes" $of) (int $limits.visibleSeconds))
    "summary" "Of ten blocks of chain {{ $labels.chain }} one becomes visible {{ $value }} s after its own time, or later.") }}
{{ include "headwater.rule" (dict "root" $root "alert" "HeadwaterBlocksNotVisible" "severity" "critical" "minutes" 5
    "expr" (printf "sum by (namespace, chain) (increase(headwater_listener_events_total{%s, event=\"APPLY\"}[10m])) > 0 unless on (namespace, chain) sum by (namespace, chain) (increase(headwater_sink_visible_blocks_total{%s}[10m])) > 0" $of $of)
    "summary" "Blocks of chain {{ $labels.chain }} are published and none becomes visible in ClickHouse.") }}
{{- end }}
{{ include "headwater.rule" (dict "root" $root "alert" "HeadwaterListenerBehind" "severity" "warning" "minutes" 15
    "expr" (printf "min_over_time((%s)[30m:15s]) > %d and on (namespace, chain) deriv((%s)[30m:15s]) >= 0" (include "headwater.behindNodes" $of) (int $limits.visibleSeconds) (include "headwater.behindNodes" $of))
    "summary" "What is published of chain {{ $labels.chain }} is {{ $value }} s behind its nodes, and does not catch up.") }}
{{ end }}
{{- include "headwater.rule" (dict "root" $root "alert" "HeadwaterRestarting" "severity" "warning" "minutes" 0
    "expr" (printf "max by (namespace, chain, role) ((changes(process_start_time_seconds{%s}[1h]) > 3 and changes(process_start_time_seconds{%s}[20m]) > 0) * on (namespace, pod) group_left (chain, role) max by (namespace, pod, chain, role) (max_over_time(headwater_build_info{%s}[1h])))" $namespace $namespace $namespace)
    "summary" "{{ $labels.role }} of chain {{ $labels.chain }} was started {{ $value }} times within an hour.") }}
{{ include "headwater.rule" (dict "root" $root "alert" "HeadwaterNotReady" "severity" "warning" "minutes" 10
    "expr" (printf "min by (namespace, chain, role, part) (headwater_ready{%s}) == 0" $namespace)
    "summary" "{{ $labels.role }} of chain {{ $labels.chain }} waits: its {{ $labels.part }} is not as it should be.") }}
{{ include "headwater.rule" (dict "root" $root "alert" "HeadwaterTwoListeners" "severity" "critical" "minutes" 0
    "expr" (printf "sum by (namespace, chain) (increase(headwater_chain_taken_back_total{%s}[30m])) > 2" $namespace)
    "summary" "Listeners take chain {{ $labels.chain }} over from each other, again and again.") }}
{{ include "headwater.rule" (dict "root" $root "alert" "HeadwaterStageInactive" "severity" "critical" "minutes" 5
    "expr" (printf "max by (namespace, chain, stage) (headwater_stage_active{%s}) == 0" $namespace)
    "summary" "No process of {{ $labels.stage }} of chain {{ $labels.chain }} has its partition.") }}
{{ include "headwater.rule" (dict "root" $root "alert" "HeadwaterStageTwice" "severity" "warning" "minutes" 5
    "expr" (printf "sum by (namespace, chain, stage) (headwater_stage_active{%s}) > 1" $namespace)
    "summary" "{{ $value }} processes of {{ $labels.stage }} of chain {{ $labels.chain }} hold its one partition.") }}
{{ include "headwater.rule" (dict "root" $root "alert" "HeadwaterBlocksRejected" "severity" "warning" "minutes" 5
    "expr" (printf "sum by (namespace, chain, check) (increase(headwater_listener_rejected_blocks_total{%s}[10m])) > 5" $namespace)
    "summary" "Nodes of chain {{ $labels.chain }} answer with blocks that fail the check {{ $labels.check }}.") }}
{{ include "headwater.rule" (dict "root" $root "alert" "HeadwaterNodeFailing" "severity" "warning" "minutes" 10
    "expr" (printf "sum by (namespace, chain, endpoint) (rate(headwater_node_requests_total{%s, outcome!~\"ok|unsupported\"}[5m])) / sum by (namespace, chain, endpoint) (rate(headwater_node_requests_total{%s}[5m])) > 0.5" $namespace $namespace)
    "summary" "More than half of the calls to node {{ $labels.endpoint }} of chain {{ $labels.chain }} fail.") }}
{{ include "headwater.rule" (dict "root" $root "alert" "HeadwaterNodeCordoned" "severity" "warning" "minutes" 0
    "expr" (printf "max by (namespace, chain, endpoint, evidence) (headwater_node_cordoned{%s}) > 0" $namespace)
    "summary" "Node {{ $labels.endpoint }} of chain {{ $labels.chain }} contradicts the others: {{ $labels.evidence }}.") }}
{{ include "headwater.rule" (dict "root" $root "alert" "HeadwaterNodeBehind" "severity" "warning" "minutes" 10
    "expr" (printf "max by (namespace, chain, endpoint, reason) (max_over_time(headwater_node_demoted{%s, reason=~\"behind|nowhere\"}[5m])) > 0" $namespace)
    "summary" "Node {{ $labels.endpoint }} of chain {{ $labels.chain }} is not where the others are: {{ $labels.reason }}.") }}
{{ include "headwater.rule" (dict "root" $root "alert" "HeadwaterNodesDisagree" "severity" "warning" "minutes" 10
    "expr" (printf "max by (namespace, chain) (headwater_quorum_waits{%s}) == 1" $namespace)
    "summary" "Fewer nodes of chain {{ $labels.chain }} than its quorum have the same block: nothing is published.") }}
{{ include "headwater.rule" (dict "root" $root "alert" "HeadwaterSequenceGap" "severity" "critical" "minutes" 1
    "expr" (printf "max by (namespace, chain, stage) (headwater_stage_gap{%s}) == 1" $namespace)
    "summary" "{{ $labels.stage }} of chain {{ $labels.chain }} found a gap in the sequence and goes no further.") }}
{{ include "headwater.rule" (dict "root" $root "alert" "HeadwaterDeadLetters" "severity" "warning" "minutes" 0
    "expr" (include "headwater.recent" (dict "by" "namespace, chain, stage, error" "series" (printf "headwater_dead_letters_last_timestamp_seconds{%s}" $namespace)))
    "summary" "{{ $labels.stage }} of chain {{ $labels.chain }} set messages aside: {{ $labels.error }}.") }}
{{ include "headwater.rule" (dict "root" $root "alert" "HeadwaterRulesBehind" "severity" "warning" "minutes" 10
    "expr" (printf "max by (namespace, chain) (headwater_alert_configuration_behind{%s}) == 1" $namespace)
    "summary" "Changes of rules, lists and labels of chain {{ $labels.chain }} are not in force: their topic cannot be followed.") }}
{{ include "headwater.rule" (dict "root" $root "alert" "HeadwaterRulesRefused" "severity" "warning" "minutes" 0
    "expr" (include "headwater.recent" (dict "by" "namespace, chain" "series" (printf "headwater_alert_rules_refused_last_timestamp_seconds{%s}" $namespace)))
    "summary" "A rule of chain {{ $labels.chain }} was refused: its earlier text stays in force, or none.") }}
{{ include "headwater.rule" (dict "root" $root "alert" "HeadwaterDeliveryFailing" "severity" "critical" "minutes" 15
    "expr" (printf "max by (namespace, chain, channel) (headwater_delivery_circuit{%s, state!=\"closed\"}) == 1 and on (namespace, chain, channel) max by (namespace, chain, channel) (headwater_delivery_waiting{%s}) > 0" $namespace $namespace)
    "summary" "Alerts of chain {{ $labels.chain }} do not reach channel {{ $labels.channel }}.") }}
{{ include "headwater.rule" (dict "root" $root "alert" "HeadwaterChannelUnknown" "severity" "warning" "minutes" 0
    "expr" (include "headwater.recent" (dict "by" "namespace, chain, channel" "series" (printf "headwater_delivery_unknown_channels_last_timestamp_seconds{%s}" $namespace)))
    "summary" "Alerts of chain {{ $labels.chain }} name channel {{ $labels.channel }}, which nobody has applied: nobody is told.") }}
{{ include "headwater.rule" (dict "root" $root "alert" "HeadwaterDeliveriesDead" "severity" "warning" "minutes" 0
    "expr" (include "headwater.recent" (dict "by" "namespace, chain, channel" "series" (printf "headwater_deliveries_dead_last_timestamp_seconds{%s}" $namespace)))
    "summary" "Alerts of chain {{ $labels.chain }} were given up on channel {{ $labels.channel }}.") }}
{{ include "headwater.rule" (dict "root" $root "alert" "HeadwaterSinkPaused" "severity" "critical" "minutes" 3
    "expr" (printf "max by (namespace, chain) (headwater_sink_paused{%s}) == 1" $namespace)
    "summary" "ClickHouse takes no rows of chain {{ $labels.chain }}.") }}
{{- end -}}

{{/* A series that is not there, or was missing a moment ago: one that comes for some seconds between the kubelet's pauses,
up to five minutes each, is gone too. Two minutes are on top of what an upgrade may take. */}}
{{- define "headwater.gone" -}}
max_over_time(absent({{ . }})[2m:15s])
{{- end -}}

{{/* series, minutes: what it tells has been the same, whichever process told it, and was told so long ago already. */}}
{{- define "headwater.standsStill" -}}
changes((max by (namespace, chain) ({{ .series }}))[{{ .minutes }}m:15s]) == 0 and on (namespace, chain) max by (namespace, chain) (max_over_time({{ .series }}[5m] offset {{ .minutes }}m))
{{- end -}}

{{/* Seconds from the published head's own time to that of the head that nodes show: a listener that catches up, or
fills the topics from the chain's begin, publishes old blocks, which are not late. */}}
{{- define "headwater.behindNodes" -}}
max by (namespace, chain) (headwater_chain_block_age_seconds{ {{- . }}, tag="head"}) - max by (namespace, chain) (headwater_chain_block_age_seconds{ {{- . }}, tag="node"})
{{- end -}}

{{/* by, series: what a process said the time of, it said of the last 15 minutes, and may have ended since. A counter's
first count, and one of a process that has just begun, are no increase. */}}
{{- define "headwater.recent" -}}
time() - max by ({{ .by }}) (max_over_time({{ .series }}[15m])) < 900
{{- end -}}

{{/* root, alert, severity, minutes, expr, summary; labels, by which several rules of one name differ */}}
{{- define "headwater.rule" -}}
- alert: {{ .alert }}
  expr: {{ .expr | quote }}
  for: {{ .minutes }}m
  labels:
    severity: {{ .severity }}
    {{- range $name, $value := .labels }}
    {{ $name }}: {{ $value | quote }}
    {{- end }}
  annotations:
    summary: {{ .summary | quote }}
    runbook_url: {{ printf "%s#%s" .root.Values.alerts.runbook (lower .alert) | quote }}
{{- end -}}
