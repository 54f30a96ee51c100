// The same service in Go, standard library only: a distributor posts the events to it, and tries again on a 5xx.
package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"log"
	"net/http"
	"os"
	"time"
)

type event struct {
	Shkeptncontext string
	Data           struct{ Project, Stage, Service, Result string }
}

var chat = http.Client{Timeout: 10 * time.Second}

func receive(response http.ResponseWriter, request *http.Request) {
	var received event
	if err := json.NewDecoder(request.Body).Decode(&received); err != nil {
		http.Error(response, err.Error(), http.StatusBadRequest)
		return
	}
	if err := tell(received); err != nil {
		log.Println(received.Shkeptncontext, "the chat is not there:", err)
		response.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	response.WriteHeader(http.StatusAccepted)
}

func tell(received event) error {
	data := received.Data
	text := fmt.Sprintf("%s/%s in %s: %s", data.Project, data.Service, data.Stage, data.Result)
	body, err := json.Marshal(map[string]string{"text": text})
	if err != nil {
		return err
	}
	answer, err := chat.Post(os.Getenv("CHAT_WEBHOOK"), "application/json", bytes.NewReader(body))
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode >= 300 {
		return fmt.Errorf("it answered %s", answer.Status)
	}
	log.Println(received.Shkeptncontext, "told the chat:", text)
	return nil
}

func main() {
	address := os.Getenv("KEPTN_LISTEN_HOST") + ":" + cmp.Or(os.Getenv("RCV_PORT"), "8080")
	log.Fatal(http.ListenAndServe(address, http.HandlerFunc(receive)))
}
