namespace SemAim.Runtime;

/// <summary>Wrong options or configuration: one line that names the option, the value and what is allowed. The program ends with 2.</summary>
public sealed class UsageException(string message, Exception? inner = null) : Exception(message, inner);

/// <summary>Data or a checkpoint that is refused: one line that says what, where and why. The program ends with 3.</summary>
public sealed class RefusedException(string message, Exception? inner = null) : Exception(message, inner);
