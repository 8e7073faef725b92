// Prints the images of a compose project: services.image, pre_start images, image volumes; sorted, unique.
package main

import (
	"context"
	"fmt"
	"os"
	"sort"
	"strings"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/sirupsen/logrus"
)

func main() {
	logrus.SetLevel(logrus.ErrorLevel)
	var files, profiles []string
	built := false
	for _, a := range os.Args[1:] {
		if p, ok := strings.CutPrefix(a, "--profile="); ok {
			profiles = append(profiles, p)
		} else if a == "--built" {
			built = true
		} else {
			files = append(files, a)
		}
	}
	ctx := context.Background()
	o, err := cli.NewProjectOptions(files, cli.WithOsEnv, cli.WithEnvFiles(), cli.WithDotEnv, cli.WithConfigFileEnv, cli.WithDefaultConfigPath, cli.WithEnvFiles(), cli.WithDotEnv, cli.WithDefaultProfiles(profiles...),
		cli.WithoutEnvironmentResolution)
	if err != nil {
		fmt.Fprintln(os.Stderr, "ERROR", err)
		os.Exit(1)
	}
	p, err := o.LoadProject(ctx)
	if err != nil {
		fmt.Fprintln(os.Stderr, "ERROR", err)
		os.Exit(1)
	}
	set := map[string]bool{}
	for _, s := range p.Services {
		if s.Image != "" {
			set[s.Image] = true
		} else if built {
			set[p.Name+"-"+s.Name] = true
		}
		for _, h := range s.PreStart {
			if h.Image != "" {
				set[h.Image] = true
			}
		}
		if !built {
			for _, v := range s.Volumes {
				if v.Type == "image" {
					set[v.Source] = true
				}
			}
		}
	}
	var all []string
	for k := range set {
		all = append(all, k)
	}
	sort.Strings(all)
	for _, k := range all {
		fmt.Println(k)
	}
}
