// A hook that keeps a small house's mail policy: ../README.md has its rules, README.md how to run it.
package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"flag"
	"fmt"
	"log"
	"net"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"

	pb "penstock.dev/examples/go_hook/penstockv1" // made of proto/; README.md says how
)

type hook struct {
	pb.UnimplementedHookServiceServer
	delay time.Duration
}

func (h *hook) Invoke(ctx context.Context, request *pb.InvokeRequest) (*pb.InvokeResponse, error) {
	id := request.Event.InvocationId
	fmt.Printf("%s attempt %d\n", id, request.Attempt)
	select {
	case <-ctx.Done(): // the deadline, or nobody waits any more
		fmt.Printf("gave up %s\n", id)
		return nil, status.Error(codes.Canceled, "nobody waits for this answer")
	case <-time.After(h.delay):
		return decide(request.Event), nil
	}
}

func decide(event *pb.Event) *pb.InvokeResponse {
	everyone := entry(pb.Action_DEFAULT, "") // whoever no other entry names
	everyone.AllRecipients = true
	answer := &pb.InvokeResponse{Actions: []*pb.ActionEntry{everyone}}
	inbound := event.FlowDirection == pb.Event_INBOUND
	_, senderDomain := split(event.Envelope.MailFrom.GetAddress())
	switch {
	case inbound && strings.HasPrefix(event.GetSubject(), "[SPAM]"):
		everyone.Action.Type = pb.Action_MOVE_TO_JUNK
	case inbound && senderDomain == "partner.example":
		everyone.Action.Type = pb.Action_BYPASS_SPAM_CHECK
	case !inbound && strings.HasPrefix(event.GetSubject(), "[internal]"):
		everyone.Action = entry(pb.Action_BOUNCE, "Mail marked [internal] stays inside.").Action
	}
	copied := map[string]bool{}
	for _, recipient := range event.Envelope.Recipients {
		localPart, domain := split(recipient.Address)
		archive := "archive@" + senderDomain
		if inbound {
			archive = "archive@" + domain
		}
		switch {
		case localPart == "closed@":
			text := "This mailbox is closed. Write to help@" + domain
			answer.Actions = append(answer.Actions, entry(pb.Action_BOUNCE, text, recipient.Address))
		case localPart == "noreply@":
			answer.Actions = append(answer.Actions, entry(pb.Action_DROP, "", recipient.Address))
		case everyone.Action.Type == pb.Action_DEFAULT && !copied[archive]:
			copied[archive] = true
			everyone.Recipients = append(everyone.Recipients, archive)
		}
	}
	return answer
}

func entry(kind pb.Action_Type, bounceMessage string, recipients ...string) *pb.ActionEntry {
	action := &pb.Action{Type: kind}
	if bounceMessage != "" {
		action.Parameters = &pb.Parameters{BounceMessage: bounceMessage}
	}
	return &pb.ActionEntry{Action: action, Recipients: recipients}
}

// split parts an address behind its last @, in lower case.
func split(address string) (localPart, domain string) {
	at := strings.LastIndex(address, "@") + 1
	return strings.ToLower(address[:at]), strings.ToLower(address[at:])
}

func must[T any](value T, err error) T {
	if err != nil {
		log.Fatal(err)
	}
	return value
}

// mutualTLS serves TLS, and asks clients for a certificate signed by ca.
func mutualTLS(certificate, key, ca string) grpc.ServerOption {
	own := must(tls.LoadX509KeyPair(certificate, key))
	clients := x509.NewCertPool()
	clients.AppendCertsFromPEM(must(os.ReadFile(ca)))
	return grpc.Creds(credentials.NewTLS(&tls.Config{
		Certificates: []tls.Certificate{own}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: clients}))
}

func main() {
	listen := flag.String("listen", "127.0.0.1:50051", "")
	delay := flag.Int("delay", 0, "milliseconds of work for each answer, to try")
	certificate := flag.String("tls-certificate", "", "serve TLS with it; and with its -tls-key")
	key := flag.String("tls-key", "", "")
	ca := flag.String("tls-ca", "", "ask clients for a certificate signed by it")
	flag.Parse()
	var options []grpc.ServerOption
	if *certificate != "" {
		options = append(options, mutualTLS(*certificate, *key, *ca))
	}
	server := grpc.NewServer(options...)
	pb.RegisterHookServiceServer(server, &hook{delay: time.Duration(*delay) * time.Millisecond})
	healthpb.RegisterHealthServer(server, health.NewServer()) // "" is SERVING from the start
	listener := must(net.Listen("tcp", *listen))
	fmt.Println("listening on", listener.Addr())
	stop, _ := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	go func() {
		<-stop.Done()
		time.AfterFunc(15*time.Second, server.Stop)
		server.GracefulStop() // calls that run may finish
	}()
	if err := server.Serve(listener); err != nil {
		log.Fatal(err)
	}
}
