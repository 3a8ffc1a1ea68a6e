${message
