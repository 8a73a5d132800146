package main

import (
	"context"
	"strconv"
)

// run carries out a query. What the storages can do alone (choosing, counting) is done there; the rest happens here.
func (q query) run(ctx context.Context, from source, limit int) ([]row, error) {
	if len(q.Pipes) > 0 && (q.Pipes[0].Kind == "stats" || q.Pipes[0].Kind == "uniq") {
		groups, err := from.groups(ctx, q, q.Pipes[0].Fields, q.Pipes[0].Stats)
		if err != nil {
			return nil, err
		}
		return finish(groupRows(groups, q.Pipes[0]), q.Pipes[1:], limit)
	}
	var fields []string
	for _, p := range q.Pipes {
		switch p.Kind {
		case "limit":
			if p.Limit == 0 {
				return nil, nil
			}
			limit = smaller(limit, p.Limit)
		case "fields":
			fields = p.Fields
		default:
			return nil, unsupported("%s behind another pipe", p.Kind)
		}
	}
	return from.rows(ctx, q, limit, fields)
}

// smaller of two limits of which 0 means none.
func smaller(a, b int) int {
	if a == 0 || b != 0 && b < a {
		return b
	}
	return a
}

func finish(rows []row, pipes []pipe, limit int) ([]row, error) {
	for _, p := range append(pipes[:len(pipes):len(pipes)], pipe{Kind: "limit", Limit: limit}) {
		switch p.Kind {
		case "limit":
			// The argument 0 means no limit; a pipe with 0 asks for nothing, which nobody does.
			if p.Limit > 0 && p.Limit < len(rows) {
				rows = rows[:p.Limit]
			}
		case "fields":
			for i := range rows {
				kept := make([]field, 0, len(p.Fields))
				for _, name := range p.Fields {
					kept = append(kept, field{name, rows[i].get(name)})
				}
				rows[i].Fields = kept
			}
		default:
			return nil, unsupported("%s behind another pipe", p.Kind)
		}
	}
	return rows, nil
}

func groupRows(groups []group, p pipe) []row {
	if len(groups) == 0 && p.Kind == "stats" && len(p.Fields) == 0 {
		groups = []group{newGroup(nil, p.Stats)} // count() over nothing is 0, not no answer
	}
	rows := make([]row, 0, len(groups))
	for _, g := range groups {
		var r row
		for i, name := range p.Fields {
			r.Fields = append(r.Fields, field{name, g.By[i]})
		}
		for i, f := range p.Stats {
			n := g.Counts[i]
			if f.Name == "count_uniq" {
				n = uint64(len(g.Sets[i]))
			}
			r.Fields = append(r.Fields, field{f.As, strconv.FormatUint(n, 10)})
		}
		rows = append(rows, r)
	}
	return rows
}
