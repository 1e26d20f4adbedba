// Lists archives as Go's archive/tar reads them: a path a line in, a JSON object a line out.
package main

import (
	"archive/tar"
	"bufio"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path"
	"strings"
)

type entry struct {
	Name   string `json:"name"`
	Type   string `json:"type"`
	Target string `json:"target"`
	Size   int64  `json:"size"`
	Sha256 string `json:"sha256,omitempty"`
}

func entries(name string) ([]entry, error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	unzipped, err := gzip.NewReader(file)
	if err != nil {
		return nil, err
	}
	archive := tar.NewReader(unzipped)
	list := []entry{}
	files := map[string]entry{}
	for {
		header, err := archive.Next()
		if err == io.EOF {
			_, err = io.Copy(io.Discard, unzipped)
			return list, err
		}
		if err != nil {
			return nil, err
		}
		one := entry{Name: hex.EncodeToString([]byte(header.Name))}
		switch header.Typeflag {
		case tar.TypeXGlobalHeader:
			continue
		case tar.TypeDir:
			one.Type = "directory"
		case tar.TypeSymlink:
			one.Type = "link"
			one.Target = hex.EncodeToString([]byte(header.Linkname))
		case tar.TypeReg:
			sum := sha256.New()
			one.Type = "file"
			one.Size, err = io.Copy(sum, archive)
			if err != nil {
				return nil, err
			}
			one.Sha256 = hex.EncodeToString(sum.Sum(nil))
			files[path.Clean(header.Name)] = one
		case tar.TypeLink:
			target, ok := files[path.Clean(header.Linkname)]
			// The system refuses to link to such a name.
			if !ok || strings.HasSuffix(header.Linkname, "/") || strings.HasSuffix(header.Linkname, "/.") {
				return nil, fmt.Errorf("no file to link to: %q", header.Linkname)
			}
			one.Type, one.Size, one.Sha256 = target.Type, target.Size, target.Sha256
			files[path.Clean(header.Name)] = one
		default:
			one.Type = fmt.Sprintf("type %q", header.Typeflag)
		}
		list = append(list, one)
	}
}

func main() {
	lines := bufio.NewScanner(os.Stdin)
	output := json.NewEncoder(os.Stdout)
	for lines.Scan() {
		list, err := entries(lines.Text())
		if err != nil {
			output.Encode(map[string]string{"error": err.Error()})
			continue
		}
		output.Encode(map[string][]entry{"entries": list})
	}
}
