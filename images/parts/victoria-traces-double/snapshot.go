package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"
)

const snapshotsFolder = "snapshots"

// snapshot copies every day as it is on disk now, and says where. Beside the spans each copy has what a part of the real
// program has: a metadata.json that tells its rows.
func (s *store) snapshot() ([]string, error) {
	if err := s.flush(); err != nil {
		return nil, err
	}
	// The files only grow, and while this is held they do not even do that.
	s.flushing.Lock()
	defer s.flushing.Unlock()
	name := time.Now().UTC().Format("20060102150405.000000000")
	s.mu.RLock()
	keys, _ := s.sortedDays()
	days := make([]*day, len(keys))
	for i, key := range keys {
		days[i] = s.days[key]
	}
	s.mu.RUnlock()
	paths := make([]string, len(days))
	for i, d := range days {
		paths[i] = filepath.Join(d.folder, snapshotsFolder, name)
		if err := d.copyTo(paths[i]); err != nil {
			return nil, errors.Join(err, os.RemoveAll(paths[i]))
		}
	}
	return paths, nil
}

func (d *day) copyTo(folder string) error {
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	file, err := os.Create(filepath.Join(folder, spansFile))
	if err != nil {
		return err
	}
	_, err = io.Copy(file, io.NewSectionReader(d.file, 0, d.size))
	if err := errors.Join(err, file.Sync(), file.Close()); err != nil {
		return err
	}
	about, err := json.Marshal(map[string]int{"RowsCount": d.entries.len})
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(folder, "metadata.json"), about, 0o644)
}

// deleteSnapshot removes what snapshot made, and nothing else.
func (s *store) deleteSnapshot(path string) error {
	relative, err := filepath.Rel(filepath.Join(s.options.path, "partitions"), filepath.Clean(path))
	if parts := strings.Split(relative, string(filepath.Separator)); err != nil || len(parts) != 3 || parts[1] != snapshotsFolder || parts[0] == ".." {
		return fmt.Errorf("%q is no snapshot", path)
	}
	return os.RemoveAll(path)
}

func (a *app) createSnapshot(w http.ResponseWriter, r *http.Request) {
	if a.store == nil {
		refuse(w, http.StatusBadRequest, fmt.Sprintf("unsupported path requested: %q", r.URL.Path))
		return
	}
	paths, err := a.store.snapshot()
	if err != nil {
		refuse(w, http.StatusInternalServerError, err.Error())
		return
	}
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(paths)
}

func (a *app) removeSnapshot(w http.ResponseWriter, r *http.Request) {
	if a.store == nil {
		refuse(w, http.StatusBadRequest, fmt.Sprintf("unsupported path requested: %q", r.URL.Path))
		return
	}
	if err := a.store.deleteSnapshot(r.FormValue("path")); err != nil {
		refuse(w, http.StatusBadRequest, err.Error())
	}
}
