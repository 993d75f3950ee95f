// Holds a published log against the original implementation of transparency logs in Go, golang.org/x/mod/sumdb.
//
//	check VKEY FOLDER CHECKPOINT…
//	check --time VKEY FOLDER
//	check --time-proofs VKEY FOLDER
//
// The second form says how long one core takes for the whole log: entries read and hashed, root and tiles compared. The third
// says how long it takes to hash every seventh entry and to verify the proof that the log holds it.
//
// The folder is laid out as C2SP tlog-tiles says, which is Go's layout without the height of the tiles in the path. Every
// hash, proof and signature below is computed and judged by x/mod; this program only finds the files.
package main

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const height = 8

// Every so many entries one is proved to be included, besides the first and the last.
const sampled = 7

// said is printed at the end: what was checked, by number.
type said struct {
	Size        int64 `json:"size"`
	Tiles       int   `json:"tiles"`
	Bundles     int   `json:"bundles"`
	Inclusion   int   `json:"inclusion"`
	Consistency int   `json:"consistency"`
	Refused     int   `json:"refused"`
}

func main() {
	if len(os.Args) < 3 {
		fmt.Fprintln(os.Stderr, "usage: check VKEY FOLDER CHECKPOINT… | check --time|--time-proofs VKEY FOLDER")
		os.Exit(2)
	}
	if timed := map[string]timed{"--time": wholeLog, "--time-proofs": proofs}[os.Args[1]]; timed != nil && len(os.Args) == 4 {
		measure(timed, os.Args[2], os.Args[3])
		return
	}
	said, err := check(os.Args[1], os.Args[2], os.Args[3:])
	if err != nil {
		fmt.Fprintln(os.Stderr, "refused:", err)
		os.Exit(1)
	}
	json.NewEncoder(os.Stdout).Encode(said)
}

// timed checks a log on one core, and returns how many entries it checked in what time.
type timed func(verifier note.Verifier, folder string) (int64, time.Duration, error)

// measure prints the entries and the nanoseconds that one core took to check them.
func measure(timed timed, vkey, folder string) {
	runtime.GOMAXPROCS(1)
	verifier, err := note.NewVerifier(vkey)
	var count int64
	var took time.Duration
	if err == nil {
		count, took, err = timed(verifier, folder)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "refused:", err)
		os.Exit(1)
	}
	fmt.Println(count, took.Nanoseconds())
}

func wholeLog(verifier note.Verifier, folder string) (int64, time.Duration, error) {
	begun := time.Now()
	tree, _, _, err := checkHashes(verifier, folder, &said{})
	return tree.N, time.Since(begun), err
}

// proofs makes all proofs first: what is measured is the reader's part.
func proofs(verifier note.Verifier, folder string) (int64, time.Duration, error) {
	tree, entries, stored, err := checkHashes(verifier, folder, &said{})
	if err != nil {
		return 0, 0, err
	}
	var made []tlog.RecordProof
	for n := int64(0); n < tree.N; n += sampled {
		proof, err := tlog.ProveRecord(tree.N, n, stored)
		if err != nil {
			return 0, 0, err
		}
		made = append(made, proof)
	}
	begun := time.Now()
	for i, proof := range made {
		n := int64(i) * sampled
		if err := tlog.CheckRecord(proof, tree.N, tree.Hash, n, tlog.RecordHash(entries[n])); err != nil {
			return 0, 0, err
		}
	}
	return int64(len(made)), time.Since(begun), nil
}

// checkHashes opens the checkpoint and holds every entry and every tile of the folder against it.
func checkHashes(verifier note.Verifier, folder string, said *said) (tlog.Tree, [][]byte, tlog.HashReader, error) {
	tree, err := openCheckpoint(filepath.Join(folder, "checkpoint"), verifier)
	if err != nil {
		return tree, nil, nil, err
	}
	said.Size = tree.N
	entries, err := readEntries(folder, tree.N, said)
	if err != nil {
		return tree, nil, nil, err
	}
	stored, err := rebuild(entries, tree)
	if err != nil {
		return tree, nil, nil, err
	}
	return tree, entries, stored, compareTiles(folder, tree.N, stored, said)
}

func check(vkey, folder string, kept []string) (said, error) {
	said := said{}
	verifier, err := note.NewVerifier(vkey)
	if err != nil {
		return said, err
	}
	tree, entries, _, err := checkHashes(verifier, folder, &said)
	if err != nil {
		return said, err
	}
	reader := tlog.TileHashReader(tree, files{folder})
	if err := proveEntries(entries, tree, reader, &said); err != nil {
		return said, err
	}
	for _, name := range kept {
		old, err := openCheckpoint(name, verifier)
		if err != nil {
			return said, err
		}
		if err := proveGrowth(old, tree, reader, &said); err != nil {
			return said, fmt.Errorf("%s: %w", name, err)
		}
	}
	return said, nil
}

// openCheckpoint opens the note by x/mod and reads its three lines: x/mod's own reader takes the name of Go's log alone.
func openCheckpoint(name string, verifier note.Verifier) (tlog.Tree, error) {
	text, err := os.ReadFile(name)
	if err != nil {
		return tlog.Tree{}, err
	}
	opened, err := note.Open(text, note.VerifierList(verifier))
	if err != nil {
		return tlog.Tree{}, err
	}
	lines := strings.Split(opened.Text, "\n")
	if len(lines) != 4 || lines[0] != verifier.Name() || lines[3] != "" {
		return tlog.Tree{}, errors.New("the checkpoint does not have three lines, of which the first is the key's name")
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil {
		return tlog.Tree{}, err
	}
	root, err := tlog.ParseHash(lines[2])
	return tlog.Tree{N: size, Hash: root}, err
}

// read returns the file of a tile, or of an entry bundle where kind says so.
func read(folder, kind string, index int64, width int) ([]byte, error) {
	tile := tlog.Tile{H: height, L: 0, N: index, W: width}
	return os.ReadFile(filepath.Join(folder, "tile", kind, strings.TrimPrefix(tile.Path(), "tile/8/0/")))
}

func readEntries(folder string, size int64, said *said) ([][]byte, error) {
	var entries [][]byte
	for n := int64(0); n<<height < size; n++ {
		width := int(min(size-n<<height, 1<<height))
		data, err := read(folder, "entries", n, width)
		if err != nil {
			return nil, err
		}
		var ends []int
		for at := 0; at < len(data); at = ends[len(ends)-1] {
			rest := data[at:]
			if len(rest) < 2 || len(rest) < 2+int(binary.BigEndian.Uint16(rest)) || len(ends) == width {
				return nil, fmt.Errorf("entry bundle %d is malformed", n)
			}
			end := at + 2 + int(binary.BigEndian.Uint16(rest))
			entries = append(entries, data[at+2:end])
			ends = append(ends, end)
		}
		if err := compareEdge(folder, n, data, ends, said); err != nil {
			return nil, err
		}
		said.Bundles++
	}
	if int64(len(entries)) != size {
		return nil, fmt.Errorf("there are %d entries, the checkpoint says %d", len(entries), size)
	}
	return entries, nil
}

// compareEdge holds the bundles that the last one has grown out of against it; ends says where its entries end.
func compareEdge(folder string, index int64, whole []byte, ends []int, said *said) error {
	for smaller := 1; smaller < len(ends) && len(ends) < 1<<height; smaller++ {
		data, err := read(folder, "entries", index, smaller)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil || !bytes.Equal(whole[:ends[smaller-1]], data) {
			return fmt.Errorf("entry bundle %d of %d entries is not the beginning of the one of %d", index, smaller, len(ends))
		}
		said.Bundles++
	}
	return nil
}

// rebuild hashes every entry into the whole tree and holds its root against the checkpoint's.
func rebuild(entries [][]byte, tree tlog.Tree) (tlog.HashReader, error) {
	var stored []tlog.Hash
	reader := tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
		hashes := make([]tlog.Hash, len(indexes))
		for i, index := range indexes {
			hashes[i] = stored[index]
		}
		return hashes, nil
	})
	for n, entry := range entries {
		hashes, err := tlog.StoredHashes(int64(n), entry, reader)
		if err != nil {
			return nil, err
		}
		stored = append(stored, hashes...)
	}
	root, err := tlog.TreeHash(tree.N, reader)
	if err != nil {
		return nil, err
	}
	if root != tree.Hash {
		return nil, fmt.Errorf("the entries hash to %v, the checkpoint says %v", root, tree.Hash)
	}
	return reader, nil
}

// compareTiles holds every tile that Go says a log of this size has, or had as it grew, against the file.
func compareTiles(folder string, size int64, stored tlog.HashReader, said *said) error {
	tiles := tlog.NewTiles(height, 0, size)
	for i, tile := range tiles {
		grown := i+1 < len(tiles) && tiles[i+1].L == tile.L && tiles[i+1].N == tile.N
		have, err := read(folder, strconv.Itoa(tile.L), tile.N, tile.W)
		if grown && errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		want, err := tlog.ReadTileData(tile, stored)
		if err != nil {
			return err
		}
		if !bytes.Equal(want, have) {
			return fmt.Errorf("%s is not what the entries hash to", tile.Path())
		}
		said.Tiles++
	}
	return nil
}

func proveEntries(entries [][]byte, tree tlog.Tree, reader tlog.HashReader, said *said) error {
	for n := int64(0); n < tree.N; n++ {
		if n%sampled != 0 && n != tree.N-1 {
			continue
		}
		proof, err := tlog.ProveRecord(tree.N, n, reader)
		if err != nil {
			return err
		}
		hash := tlog.RecordHash(entries[n])
		if err := tlog.CheckRecord(proof, tree.N, tree.Hash, n, hash); err != nil {
			return fmt.Errorf("entry %d: %w", n, err)
		}
		said.Inclusion++
		hash[0] ^= 1
		if tlog.CheckRecord(proof, tree.N, tree.Hash, n, hash) == nil {
			return fmt.Errorf("entry %d: another leaf is proved too", n)
		}
		said.Refused++
	}
	return nil
}

func proveGrowth(old, tree tlog.Tree, reader tlog.HashReader, said *said) error {
	proof, err := tlog.ProveTree(tree.N, old.N, reader)
	if err != nil {
		return err
	}
	if err := tlog.CheckTree(proof, tree.N, tree.Hash, old.N, old.Hash); err != nil {
		return err
	}
	said.Consistency++
	old.Hash[0] ^= 1
	if tlog.CheckTree(proof, tree.N, tree.Hash, old.N, old.Hash) == nil {
		return errors.New("another root is proved too")
	}
	said.Refused++
	return nil
}

// files reads tiles for Go, which proves each of them before it uses a hash of it.
type files struct{ folder string }

func (files) Height() int                     { return height }
func (files) SaveTiles([]tlog.Tile, [][]byte) {}

func (f files) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	var all [][]byte
	for _, tile := range tiles {
		data, err := read(f.folder, strconv.Itoa(tile.L), tile.N, tile.W)
		if err != nil {
			return nil, err
		}
		all = append(all, data)
	}
	return all, nil
}
