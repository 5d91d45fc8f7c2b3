package modules_test

import (
	"net/url"
	"slices"
	"strings"
)

// input is one place of an operation that takes a text. Put returns the call with another text there.
type input struct {
	name string
	put  func(c call, text string) call
}

// inputs are all of an operation, as the document has them.
func (d document) inputs(op *operation) []input {
	var all []input
	for _, p := range op.Parameters {
		switch p.In {
		case "path":
			place := slices.Index(strings.Split(op.path, "/"), "{"+p.Name+"}")
			all = append(all,
				input{"path " + p.Name, func(c call, text string) call { return putSegment(c, place, url.PathEscape(text)) }},
				input{"raw path " + p.Name, func(c call, text string) call { return putSegment(c, place, asTarget(text)) }})
		case "query":
			all = append(all, input{"query " + p.Name, func(c call, text string) call { return putQuery(c, p.Name, text) }})
		case "header":
			all = append(all, input{"header " + p.Name, func(c call, text string) call { return putHeader(c, p.Name, text) }})
		}
	}
	for _, place := range d.bodyStrings(op) {
		all = append(all, input{"body " + strings.Join(place, "."), func(c call, text string) call {
			c.body = putBody(c.body, place, text)
			return c
		}})
	}
	return all
}

// asTarget leaves out what would end the line or the target of a request.
func asTarget(text string) string {
	return strings.Map(func(r rune) rune {
		if r <= ' ' || r == '/' || r == '?' || r == '#' {
			return '_'
		}
		return r
	}, text)
}

func putSegment(c call, place int, text string) call {
	path, query, found := strings.Cut(c.path, "?")
	segments := strings.Split(path, "/")
	segments[place] = text
	c.path = strings.Join(segments, "/")
	if found {
		c.path += "?" + query
	}
	return c
}

func putQuery(c call, name, text string) call {
	path, query, _ := strings.Cut(c.path, "?")
	values, err := url.ParseQuery(query)
	if err != nil {
		panic(err) // the rules' own
	}
	values.Set(name, text)
	c.path = path + "?" + values.Encode()
	return c
}

// putHeader leaves out what would end the line of a header.
func putHeader(c call, name, text string) call {
	text = strings.NewReplacer("\r", " ", "\n", " ").Replace(text)
	c.headers = slices.Clone(c.headers)
	for i := 0; i < len(c.headers); i += 2 {
		if strings.EqualFold(c.headers[i], name) {
			c.headers[i+1] = text
			return c
		}
	}
	c.headers = append(c.headers, name, text)
	return c
}

// putBody returns a copy of a body with the text at a place.
func putBody(body any, place []string, text string) any {
	if len(place) == 0 {
		return text
	}
	if place[0] == "[]" {
		return []any{putBody(nil, place[1:], text)}
	}
	object, _ := body.(map[string]any)
	return cloneWith(object, place[0], putBody(object[place[0]], place[1:], text))
}
