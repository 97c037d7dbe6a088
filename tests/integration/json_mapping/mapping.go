// Go: google.golang.org/protobuf/encoding/protojson. Arguments: descriptor set, folder, count of
// events.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/dynamicpb"
)

// adapter
type Address struct {
	Address string `json:"address"`
}

type WorkmailEvent struct {
	SummaryVersion string `json:"summaryVersion"`
	Envelope       struct {
		MailFrom   Address   `json:"mailFrom"`
		Recipients []Address `json:"recipients"`
	} `json:"envelope"`
	Truncated     bool     `json:"truncated"`
	Sender        *Address `json:"sender"`
	Subject       *string  `json:"subject"`
	MessageID     string   `json:"messageId"`
	InvocationID  string   `json:"invocationId"`
	FlowDirection string   `json:"flowDirection"`
}

func workmailEvent(event proto.Message) (out WorkmailEvent, err error) {
	out.Envelope.Recipients = []Address{}
	given, err := protojson.Marshal(event)
	if err == nil {
		err = json.Unmarshal(given, &out)
	}
	return
}
// end

func must[T any](value T, err error) T {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	return value
}

func main() {
	set := &descriptorpb.FileDescriptorSet{}
	must(0, proto.Unmarshal(must(os.ReadFile(os.Args[1])), set))
	found := must(must(protodesc.NewFiles(set)).FindDescriptorByName("penstock.v1.Event"))
	for number := 0; number < must(strconv.Atoi(os.Args[3])); number++ {
		file := func(suffix string) string {
			return filepath.Join(os.Args[2], strconv.Itoa(number)+suffix)
		}
		event := dynamicpb.NewMessage(found.(protoreflect.MessageDescriptor))
		must(0, proto.Unmarshal(must(os.ReadFile(file(".pb"))), event))
		must(0, os.WriteFile(file(".go.standard.json"), must(protojson.Marshal(event)), 0o644))
		adapted := must(json.Marshal(must(workmailEvent(event))))
		must(0, os.WriteFile(file(".go.adapted.json"), adapted, 0o644))
	}
}
