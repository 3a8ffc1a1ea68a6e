def column():
    return None
