{{/* root, chain: the roles of a chain as JSON, name → command, kind, replicas, resources, autoscaling, connects, reads
(topics by name), and what limits its replicas. The stages and what each reads come from the code, by
`headwater topics export`. */}}
{{- define "headwater.roles" -}}
{{- $values := .root.Values.roles -}}
{{- $catalogue := .root.Files.Get "files/topics.json" | fromJson -}}
{{- $own := (index .root.Values.chains .chain).roles | default dict -}}
{{- $stages := $own.stages | default dict -}}
{{- $known := list -}}
{{- range $catalogue.groups }}{{ $known = append $known .name }}{{ end -}}
{{- range $name := concat (keys $values.stages) (keys $stages) -}}
{{- if not (has $name $known) -}}
{{- fail (printf "no stage is named %s; there are %s" $name (join ", " $known)) -}}
{{- end -}}
{{- end -}}
{{- $partitions := dict -}}
{{- $sink := list -}}
{{- range $catalogue.topics -}}
{{- $_ := set $partitions .name .partitions -}}
{{- if has "sink" (.read_by | default list) }}{{ $sink = append $sink .name }}{{ end -}}
{{- end -}}
{{- $most := 0 -}}
{{- range $sink }}{{ $most = max $most (index $partitions .) }}{{ end -}}
{{- $accepted := ternary (list (printf "--accept-fork=%s" ($own.listen).acceptFork)) list (not (empty ($own.listen).acceptFork)) -}}
{{- $roles := dict "listen" (mergeOverwrite (deepCopy $values.listen) (deepCopy ($own.listen | default dict)) (dict
    "command" (concat (list "listen") $accepted) "kind" "Deployment" "strategy" "Recreate" "connects" (list "kafka" "registry" "rpc")
    "most" 2 "why" "one listener of a chain leads, one stands by")) -}}
{{- range $catalogue.groups -}}
{{- $count := index $partitions .reads | int -}}
{{- $role := mergeOverwrite (deepCopy $values.stage) (deepCopy (index $values.stages .name | default dict))
    (deepCopy ($own.stage | default dict)) (deepCopy (index $stages .name | default dict)) -}}
{{- $_ := set $roles .name (mergeOverwrite $role (dict
    "command" (list "work" .name) "kind" "StatefulSet" "connects" (list "kafka" "registry")
    "most" (add $count 1) "why" (printf "it reads %s, which has %d partition(s): so many work and one stands by; a live line scales by chain" .reads $count))) -}}
{{- end -}}
{{- $_ := set $roles "deliver" (mergeOverwrite (deepCopy $values.deliver) (deepCopy ($own.deliver | default dict)) (dict
    "command" (list "deliver") "kind" "Deployment" "strategy" "RollingUpdate" "connects" (list "kafka" "registry" "webhooks")
    "most" (index $partitions "<chain>.deliveries.v1" | int) "why" "replicas share the partitions of deliveries, whole channels each")) -}}
{{- $writer := mergeOverwrite (deepCopy $values.sink) (deepCopy ($own.sink | default dict)) -}}
{{- $taken := ternary (list "--accept-topics") list (not (empty $writer.acceptTopics)) -}}
{{- $_ := set $roles "sink" (mergeOverwrite $writer (dict
    "command" (concat (list "sink") $taken) "kind" "Deployment" "strategy" "RollingUpdate" "connects" (list "kafka" "registry" "clickhouse")
    "most" $most "why" (printf "none of the topics that it reads has more than %d partitions" (int $most)))) -}}
{{- range $name, $role := $roles -}}
{{- $scaling := $role.autoscaling | default (dict "mode" "none") -}}
{{- if and (ne $scaling.mode "none") (ne $name "sink") -}}
{{- fail (printf "%s does not scale by replicas, so it has no autoscaling: %s" $name $role.why) -}}
{{- end -}}
{{- $asked := ternary $role.replicas $scaling.maxReplicas (eq $scaling.mode "none") | int -}}
{{- if gt $asked (int $role.most) -}}
{{- fail (printf "chain %s: %d replicas of %s are more than the %d that can be of use: %s" $.chain $asked $name (int $role.most) $role.why) -}}
{{- end -}}
{{- if and (ne $scaling.mode "none") (lt (int $scaling.maxReplicas) (int $scaling.minReplicas)) -}}
{{- fail (printf "chain %s: autoscaling of %s: maxReplicas is below minReplicas" $.chain $name) -}}
{{- end -}}
{{- $_ := set $role "scaling" $scaling -}}
{{- $_ := set $role "several" (gt $asked 1) -}}
{{- $_ := set $role "runs" (gt $asked 0) -}}
{{- if and (eq $name "listen") $role.several }}{{ $_ := set $role "strategy" "RollingUpdate" }}{{ end -}}
{{- end -}}
{{- $_ := set (index $roles "sink") "reads" $sink -}}
{{- $roles | toJson -}}
{{- end -}}
